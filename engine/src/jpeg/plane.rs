//! The sizes of a component's plane: as libjpeg has them, whatever the size that it decodes at.

use super::markers::Frame;
use crate::codecs::Layout;

/// Samples of a block's side before it is reduced.
pub const BLOCK: u32 = 8;

#[derive(Clone, Copy)]
pub struct Size {
    /// Blocks of an MCU that has several components.
    pub across: usize,
    pub down: usize,
    /// Blocks that show something.
    pub blocks_across: usize,
    pub blocks_down: usize,
    /// Samples of a block's side.
    pub side: usize,
}

impl Size {
    pub fn stride(&self) -> usize {
        self.blocks_across * self.side
    }
}

/// Of each component, at `eighths` of the size: 1, 2, 4 or 8. Where chroma is stored smaller both ways, libjpeg scales it less.
pub fn sizes(frame: &Frame, eighths: u32) -> (Vec<Size>, Layout) {
    let (most_across, most_down) = (frame.most_across(), frame.most_down());
    let mut layout = Layout { planes: frame.components.len() as u32, ..Layout::default() };
    let size = |(at, c): (usize, &super::markers::Component)| {
        let mut side = eighths;
        let fits = |most: u32, factor: u32, side: u32| (most * eighths).is_multiple_of(factor * side * 2);
        while side < BLOCK && fits(most_across, c.across, side) && fits(most_down, c.down, side) {
            side *= 2;
        }
        let blocks_across = (frame.width * c.across).div_ceil(most_across * BLOCK);
        let blocks_down = (frame.height * c.down).div_ceil(most_down * BLOCK);
        layout.stride[at] = blocks_across * side;
        layout.width[at] = (frame.width * c.across * side).div_ceil(most_across * BLOCK);
        layout.height[at] = (frame.height * c.down * side).div_ceil(most_down * BLOCK);
        layout.rows[at] = c.down * side;
        Size {
            across: c.across as usize,
            down: c.down as usize,
            blocks_across: blocks_across as usize,
            blocks_down: blocks_down as usize,
            side: side as usize,
        }
    };
    let sizes = frame.components.iter().enumerate().map(size).collect();
    (sizes, layout)
}

/// MCUs of a row where a scan has all components; where there is one, it is its blocks (T.81, A.2).
pub fn mcus_across(frame: &Frame, sizes: &[Size]) -> usize {
    match sizes {
        [one] => one.blocks_across,
        _ => frame.width.div_ceil(frame.most_across() * BLOCK) as usize,
    }
}
