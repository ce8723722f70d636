//! nes.
