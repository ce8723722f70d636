//! From text to atoms, from type to type, and the calendar.

pub(crate) mod calendar;
pub(crate) mod cast;
pub(crate) mod numeric;
pub(crate) mod tok;
