//! State on disk: rows that are cut into parts by their keys, so that all that belongs to one part
//! can be read without the rest. A join or a window that holds more than memory is worked off part
//! by part.

use std::rc::Rc;

use plan::{Columns, Data, Extent, Scratch, StateShare};

/// Into how many parts keys are cut.
pub(crate) const PARTS: usize = 64;
/// Bytes that are gathered before they are written. A part may be larger.
const WRITE_BYTES: usize = 4 << 20;

/// The room of one operator for its state.
pub(crate) struct Room {
    share: StateShare,
    scratch: Rc<dyn Scratch>,
    spilled: plan::env::Counter,
}

impl Room {
    /// The room of the operator that is being built; none where all state stays in memory.
    pub(crate) fn of(env: &dyn plan::Env) -> Option<Room> {
        let services = env.services();
        let scratch = services.scratch()?;
        let spilled = env.meters("").counter("spilled_bytes", &[]);
        Some(Room { share: services.state_budget().share(), scratch, spilled })
    }

    /// Says how many bytes the operator holds in memory; whether it is to put them to disk.
    pub(crate) fn is_over(&mut self, bytes: usize) -> bool {
        self.share.set(bytes)
    }

    /// Puts rows to disk that are cut into parts.
    ///
    /// # Errors
    /// The disk is full, or what else the system says.
    pub(crate) async fn write(
        &self,
        parts: impl Iterator<Item = Result<Columns, String>>,
    ) -> Result<Rc<Run>, String> {
        let mut run =
            Run { scratch: Rc::clone(&self.scratch), parts: Vec::new(), whole: Vec::new() };
        let mut bytes = Vec::new();
        for part in parts {
            let part = part?;
            let offset = bytes.len();
            if part.rows > 0 {
                plan::stored::encode(&Data::Columns(part), &mut bytes)
                    .map_err(|e| e.to_string())?;
            }
            run.parts.push((run.whole.len(), offset, bytes.len() - offset));
            if bytes.len() >= WRITE_BYTES {
                run.flush(&mut bytes, &self.spilled).await?;
            }
        }
        run.flush(&mut bytes, &self.spilled).await?;
        Ok(Rc::new(run))
    }
}

/// Rows that were put to disk together. The place is given back when it is dropped.
pub(crate) struct Run {
    scratch: Rc<dyn Scratch>,
    /// For each part which of the writes it is in, at which byte of it, and its length.
    parts: Vec<(usize, usize, usize)>,
    whole: Vec<Extent>,
}

impl Run {
    async fn flush(
        &mut self,
        bytes: &mut Vec<u8>,
        spilled: &plan::env::Counter,
    ) -> Result<(), String> {
        if bytes.is_empty() {
            return Ok(());
        }
        let bytes = std::mem::take(bytes);
        spilled.add(bytes.len() as u64);
        self.whole.push(self.scratch.write(bytes).await?);
        Ok(())
    }

    /// The rows of one part; none when it has none.
    ///
    /// # Errors
    /// They cannot be read.
    pub(crate) async fn part(&self, part: usize) -> Result<Option<Columns>, String> {
        let Some((write, offset, len)) = self.parts.get(part).filter(|(.., len)| *len > 0) else {
            return Ok(None);
        };
        let Some(whole) = self.whole.get(*write) else { return Ok(None) };
        let extent = Extent { offset: whole.offset + *offset as u64, len: *len };
        let bytes = self.scratch.read(extent).await?;
        match plan::stored::decode(&bytes.into()).map_err(|e| e.to_string())? {
            Data::Columns(columns) => Ok(Some(columns)),
            _ => Err("state on disk is not what was written".into()),
        }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.whole.iter().for_each(|extent| self.scratch.free(*extent));
    }
}
