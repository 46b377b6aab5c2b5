//! Whether a result looks drawn (screens, text, charts), so that sharp's path must encode it by its look: as
//! src/render/formats/drawn/look.ts says it from pixels, but sooner, because planes know less.

use crate::colour::Levels;
use crate::planes::Planes;

const ENOUGH_PIXELS: usize = 100_000;
const SLIGHT: u8 = 8;
/// look.ts calls a picture drawn from 0.03 on. Of 499 photos, one is above -0.10.
const DRAWN_FROM: f64 = -0.05;
/// By brightness alone, where steps of colour are not seen: far from it.
const SURELY_PHOTO: f64 = -0.25;
/// Coloured letters that came as a JPEG: look.ts has 0.35 and counts pixels whose colour 4:2:0 loses, which planes of 4:2:0 no longer show.
const RINGING_FLAT: f64 = 0.30;
/// Levels between neighbours of a chroma plane that are an edge in colour, and the share of these from which letters may be coloured.
const COLOUR_EDGE: u8 = 24;
const COLOURED_EDGES: f64 = 0.02;

pub fn may_be_drawn(planes: &Planes, levels: &Levels) -> bool {
    let (width, height) = (planes.width, planes.height);
    if width < 2 || height < 2 {
        return false;
    }
    let every = (width * height).div_ceil(ENOUGH_PIXELS);
    if surely_photo(planes, every) {
        return false;
    }
    let (mut seen, mut flat, mut steps, mut slight) = (0u64, 0u64, 0u64, 0u64);
    let at = |x: usize, y: usize| {
        let chroma = y / 2 * (planes.stride / 2) + x / 2;
        levels.pixel(planes.luma[y * planes.stride + x], planes.cb[chroma], planes.cr[chroma])
    };
    for y in (1..height).step_by(every) {
        let mut before = at(0, y);
        for x in 1..width {
            let own = at(x, y);
            seen += 1;
            let left = difference(own, before);
            if left > 0 {
                steps += 1;
                slight += u64::from(left <= SLIGHT);
            } else if own == at(x, y - 1) {
                flat += 1;
            }
            before = own;
        }
    }
    let flat = flat as f64 / seen as f64;
    let slight = if steps == 0 { 1.0 } else { slight as f64 / steps as f64 };
    flat - slight >= DRAWN_FROM || (flat >= RINGING_FLAT && coloured_edges(planes) >= COLOURED_EDGES)
}

/// Most photos, by their brightness alone, which is equal to its neighbours wherever all colours are.
fn surely_photo(planes: &Planes, every: usize) -> bool {
    let (mut seen, mut flat, mut slight, mut steps) = (0u64, 0u64, 0u64, 0u64);
    for y in (1..planes.height).step_by(every) {
        let own = &planes.luma[y * planes.stride..][..planes.width];
        let above = &planes.luma[(y - 1) * planes.stride + 1..][..planes.width - 1];
        let (mut row_flat, mut row_equal, mut row_slight) = (0u32, 0u32, 0u32);
        for ((pair, above), left) in own[1..].iter().zip(above).zip(own) {
            let step = pair.abs_diff(*left);
            row_equal += u32::from(step == 0);
            row_flat += u32::from(step == 0 && pair == above);
            row_slight += u32::from(step != 0 && step <= SLIGHT);
        }
        seen += planes.width as u64 - 1;
        steps += planes.width as u64 - 1 - u64::from(row_equal);
        (flat, slight) = (flat + u64::from(row_flat), slight + u64::from(row_slight));
    }
    let flat = flat as f64 / seen as f64;
    let slight = if steps == 0 { 1.0 } else { slight as f64 / steps as f64 };
    flat < RINGING_FLAT && flat - slight < SURELY_PHOTO
}

fn difference(one: [u8; 3], other: [u8; 3]) -> u8 {
    one.iter().zip(other).map(|(a, b)| a.abs_diff(b)).max().unwrap_or(0)
}

/// Of neighbours in the chroma planes, the share that differs visibly.
fn coloured_edges(planes: &Planes) -> f64 {
    let (width, height) = (planes.width.div_ceil(2), planes.height.div_ceil(2));
    let (mut seen, mut edges) = (0u64, 0u64);
    for y in 0..height {
        for x in 1..width {
            let at = y * (planes.stride / 2) + x;
            let step = |plane: &[u8]| plane[at].abs_diff(plane[at - 1]);
            seen += 1;
            edges += u64::from(step(&planes.cb).max(step(&planes.cr)) >= COLOUR_EDGE);
        }
    }
    edges as f64 / seen.max(1) as f64
}
