//! Memory that two processes share.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::FileExt;

/// Memory of a fixed size that has no name and belongs to nobody else than those who were given it.
/// Another process may map it; here it is copied from and to, so that nothing that is looked at can
/// change meanwhile, and no process can take away a page that is being read.
pub struct Region {
    file: File,
    bytes: u64,
}

impl Region {
    /// Zeros. Memory is taken when something is written.
    ///
    /// # Errors
    /// The system gives no memory of that kind.
    pub fn new(bytes: u64) -> io::Result<Region> {
        let flags = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING;
        // SAFETY: the name is a constant that ends with a zero; the call reads nothing else.
        let fd = unsafe { libc::memfd_create(c"mainstem".as_ptr(), flags) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor was made just now and belongs to nobody else.
        let file = File::from(unsafe { OwnedFd::from_raw_fd(fd) });
        file.set_len(bytes)?;
        let seals = libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_SEAL;
        // SAFETY: the call takes a descriptor that is open and numbers.
        if unsafe { libc::fcntl(file.as_raw_fd(), libc::F_ADD_SEALS, seals) } < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Region { file, bytes })
    }

    /// Its size.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// A descriptor for another process.
    ///
    /// # Errors
    /// There are too many already.
    pub fn descriptor(&self) -> io::Result<OwnedFd> {
        self.file.as_fd().try_clone_to_owned()
    }

    /// Writes bytes at a place.
    ///
    /// # Errors
    /// They do not fit.
    pub fn write(&self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, at)
    }

    /// Fills a buffer with what stands at a place.
    ///
    /// # Errors
    /// There is less.
    pub fn read(&self, at: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(buffer, at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_through_every_descriptor() {
        let region = Region::new(100).unwrap();
        let other = File::from(region.descriptor().unwrap());
        region.write(90, b"0123456789").unwrap();
        let mut bytes = [0; 4];
        other.read_exact_at(&mut bytes, 93).unwrap();
        assert_eq!(&bytes, b"3456");
        other.write_all_at(b"x", 0).unwrap();
        region.read(0, &mut bytes).unwrap();
        assert_eq!((&bytes, region.bytes()), (b"x\0\0\0", 100));
    }

    #[test]
    fn nobody_changes_its_size() {
        let region = Region::new(100).unwrap();
        let other = File::from(region.descriptor().unwrap());
        assert!(other.set_len(10).is_err() && other.set_len(1000).is_err());
        assert!(region.write(96, b"01234").is_err());
        assert!(region.read(96, &mut [0; 5]).is_err());
    }
}
