//! The pages of `docs/reference/` say what the tables say that they are written from.

use crate::golden::compare;

#[test]
fn the_bloblang_page_is_up_to_date() {
    compare("../../docs/reference/bloblang.md", &bloblang::reference::page());
}
