//! What a JPEG would lose of a picture's brightness, as src/render/formats/encoding/ says it in words: `jpeg-luma.ts` and `ssim.ts`.

use crate::{Failure, zeros};

const SIDE: usize = 8;
const SIZE: usize = SIDE * SIDE;
type Block = [[f32; SIDE]; SIDE];

/// Brightness in rows of `width`; no window of the comparison reaches from one stripe of rows into the next.
pub struct Luma<'a> {
    pub data: &'a [u8],
    pub width: usize,
    pub stripe: usize,
}

/// The structural similarity to itself of what a JPEG with these quantisers, row by row, holds of it.
pub fn as_jpeg(luma: &Luma, quantisers: &[u32]) -> Result<f64, Failure> {
    let &Luma { data, width, stripe } = luma;
    let sound = width >= SIDE && stripe >= SIDE && data.len() >= width * SIDE && data.len().is_multiple_of(width);
    if !sound || quantisers.len() != SIZE || quantisers.iter().any(|value| !(1..=65_535).contains(value)) {
        return Err(Failure::Declined("job"));
    }
    let coded = coded(luma, quantisers)?;
    ssim(data, &coded, width, stripe)
}

/// Arai's, Agui's and Nakajima's scale of a coefficient.
fn scale(at: usize) -> f64 {
    let factor =
        |k: usize| if k == 0 { 1.0 } else { std::f64::consts::SQRT_2 * (k as f64 * std::f64::consts::PI / 16.0).cos() };
    factor(at / SIDE) * factor(at % SIDE)
}

fn coded(&Luma { data, width, .. }: &Luma, quantisers: &[u32]) -> Result<Vec<u8>, Failure> {
    let height = data.len() / width;
    let mut out = zeros(data.len())?;
    let table = |of: &dyn Fn(f64) -> f64| -> Block {
        std::array::from_fn(|y| {
            std::array::from_fn(|x| {
                let at = y * SIDE + x;
                of(f64::from(quantisers[at]) * scale(at)) as f32
            })
        })
    };
    let (inverse_steps, back) = (table(&|step| 1.0 / (step * SIDE as f64)), table(&|step| step / SIDE as f64));
    for top in (0..height).step_by(SIDE) {
        let rows = SIDE.min(height - top);
        for left in (0..width).step_by(SIDE) {
            let columns = SIDE.min(width - left);
            let mut block: Block = [[0.0; SIDE]; SIDE];
            for (y, to) in block.iter_mut().enumerate() {
                // Encoders repeat the last row and column.
                let row = &data[(top + y.min(rows - 1)) * width + left..][..columns];
                for (x, to) in to.iter_mut().enumerate() {
                    *to = f32::from(row[x.min(columns - 1)]) - 128.0;
                }
            }
            // All columns at once, and then the rows likewise.
            block = transposed(&forward(&transposed(&forward(&block))));
            for (row, (inverse_steps, back)) in block.iter_mut().zip(inverse_steps.iter().zip(&back)) {
                for (value, (inverse_step, back)) in row.iter_mut().zip(inverse_steps.iter().zip(back)) {
                    *value = ((*value * inverse_step + ROUNDED) as i32 - LEVELS) as f32 * back;
                }
            }
            block = transposed(&inverse(&transposed(&inverse(&block))));
            for (y, from) in block.iter().enumerate().take(rows) {
                let to = &mut out[(top + y) * width + left..][..columns];
                for (to, from) in to.iter_mut().zip(from) {
                    *to = ((from + GREY) as i32).clamp(0, 255) as u8;
                }
            }
        }
    }
    Ok(out)
}

/// More than levels there are, and the half that rounds.
const LEVELS: i32 = 32_768;
const ROUNDED: f32 = 32_768.5;
/// The middle, and the half that rounds; a little more, so that halves are rounded up as decoders do.
const GREY: f32 = 128.501;

fn transposed(block: &Block) -> Block {
    std::array::from_fn(|y| std::array::from_fn(|x| block[x][y]))
}

fn each(of: impl Fn(usize) -> f32) -> [f32; SIDE] {
    std::array::from_fn(of)
}

/// Of the columns (libjpeg's jfdctflt.c).
fn forward(v: &Block) -> Block {
    const HALF: f32 = std::f32::consts::FRAC_1_SQRT_2;
    let add = |a: usize, b: usize| each(|x| v[a][x] + v[b][x]);
    let less = |a: usize, b: usize| each(|x| v[a][x] - v[b][x]);
    let (s0, d0, s1, d1) = (add(0, 7), less(0, 7), add(1, 6), less(1, 6));
    let (s2, d2, s3, d3) = (add(2, 5), less(2, 5), add(3, 4), less(3, 4));
    let turned = each(|x| (s1[x] - s2[x] + s0[x] - s3[x]) * HALF);
    let (a, b, c) = (each(|x| d3[x] + d2[x]), each(|x| d2[x] + d1[x]), each(|x| d1[x] + d0[x]));
    let z5 = each(|x| (a[x] - c[x]) * 0.382_683_43);
    let z2 = each(|x| 0.541_196_1 * a[x] + z5[x]);
    let z4 = each(|x| 1.306_563 * c[x] + z5[x]);
    let z3 = each(|x| b[x] * HALF);
    [
        each(|x| s0[x] + s3[x] + s1[x] + s2[x]),
        each(|x| d0[x] + z3[x] + z4[x]),
        each(|x| s0[x] - s3[x] + turned[x]),
        each(|x| d0[x] - z3[x] - z2[x]),
        each(|x| s0[x] + s3[x] - s1[x] - s2[x]),
        each(|x| d0[x] - z3[x] + z2[x]),
        each(|x| s0[x] - s3[x] - turned[x]),
        each(|x| d0[x] + z3[x] - z4[x]),
    ]
}

/// The way back (jidctflt.c).
fn inverse(v: &Block) -> Block {
    const ROOT: f32 = std::f32::consts::SQRT_2;
    let add = |a: usize, b: usize| each(|x| v[a][x] + v[b][x]);
    let less = |a: usize, b: usize| each(|x| v[a][x] - v[b][x]);
    let (s0, s1, s3) = (add(0, 4), less(0, 4), add(2, 6));
    let s2 = each(|x| (v[2][x] - v[6][x]) * ROOT - s3[x]);
    let (e0, e3) = (each(|x| s0[x] + s3[x]), each(|x| s0[x] - s3[x]));
    let (e1, e2) = (each(|x| s1[x] + s2[x]), each(|x| s1[x] - s2[x]));
    let (z13, z10, z11, z12) = (add(5, 3), less(5, 3), add(1, 7), less(1, 7));
    let o7 = each(|x| z11[x] + z13[x]);
    let z5 = each(|x| (z10[x] + z12[x]) * 1.847_759);
    let o6 = each(|x| z5[x] - z10[x] * 2.613_126 - o7[x]);
    let o5 = each(|x| (z11[x] - z13[x]) * ROOT - o6[x]);
    let o4 = each(|x| z5[x] - z12[x] * 1.082_392_2 - o5[x]);
    [
        each(|x| e0[x] + o7[x]),
        each(|x| e1[x] + o6[x]),
        each(|x| e2[x] + o5[x]),
        each(|x| e3[x] + o4[x]),
        each(|x| e3[x] - o4[x]),
        each(|x| e2[x] - o5[x]),
        each(|x| e1[x] - o6[x]),
        each(|x| e0[x] - o7[x]),
    ]
}

const CELL: usize = 4;
const WINDOW: f64 = 64.0;
/// Of a, b, a² + b² and ab.
type Sums = [i32; 4];

/// The mean over all windows of 8 × 8 pixels, every 4.
fn ssim(a: &[u8], b: &[u8], width: usize, stripe: usize) -> Result<f64, Failure> {
    let (height, across) = (a.len() / width, width / CELL);
    let (mut above, mut below): (Vec<Sums>, Vec<Sums>) = (zeros(across)?, zeros(across)?);
    let (mut sum, mut windows) = (0.0, 0u64);
    for top in (0..height).step_by(stripe) {
        for cell in 0..stripe.min(height - top) / CELL {
            std::mem::swap(&mut above, &mut below);
            let from = (top + cell * CELL) * width;
            let rows = CELL * width;
            sums(&a[from..][..rows], &b[from..][..rows], width, &mut below);
            if cell == 0 {
                continue;
            }
            for (above, below) in above.windows(2).zip(below.windows(2)) {
                sum += of_window([above[0], above[1], below[0], below[1]]);
            }
            windows += across as u64 - 1;
        }
    }
    if windows == 0 { Err(Failure::Declined("size")) } else { Ok(sum / windows as f64) }
}

fn sums(a: &[u8], b: &[u8], width: usize, sums: &mut [Sums]) {
    sums.fill([0; 4]);
    for (a, b) in a.chunks_exact(width).zip(b.chunks_exact(width)) {
        let cells = a.as_chunks::<CELL>().0.iter().zip(b.as_chunks::<CELL>().0);
        for (sums, (a, b)) in sums.iter_mut().zip(cells) {
            for (p, q) in a.iter().zip(b) {
                let (p, q) = (i32::from(*p), i32::from(*q));
                sums[0] += p;
                sums[1] += q;
                sums[2] += p * p + q * q;
                sums[3] += p * q;
            }
        }
    }
}

fn of_window(cells: [Sums; 4]) -> f64 {
    const C1: f64 = 2.55 * 2.55;
    const C2: f64 = 7.65 * 7.65;
    let [a, b, squares, both] =
        std::array::from_fn(|at| f64::from(cells.iter().map(|cell| cell[at]).sum::<i32>()) / WINDOW);
    let (means, product) = (a * a + b * b, a * b);
    ((2.0 * product + C1) * (2.0 * (both - product) + C2)) / ((means + C1) * (squares - means + C2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(length: usize) -> Vec<u8> {
        (0..length).map(|at| ((at * 7919 + at * at / 3) % 251) as u8).collect()
    }

    #[test]
    fn transforms_give_back_what_they_were_given() {
        let block: Block = std::array::from_fn(|y| std::array::from_fn(|x| ((x * 31 + y * 57) % 255) as f32 - 128.0));
        let there = transposed(&forward(&transposed(&forward(&block))));
        let unscaled: Block = std::array::from_fn(|y| std::array::from_fn(|x| there[y][x] / 64.0));
        let back = transposed(&inverse(&transposed(&inverse(&unscaled))));
        for (own, before) in back.iter().flatten().zip(block.iter().flatten()) {
            assert!((own - before).abs() < 0.01, "{own} {before}");
        }
    }

    #[test]
    fn finer_quantisers_lose_less() {
        let data = noise(64 * 48);
        let luma = Luma { data: &data, width: 64, stripe: 48 };
        let of = |step: u32| as_jpeg(&luma, &[step; SIZE]).unwrap();
        assert!(of(1) > 0.999 && of(1) > of(20) && of(20) > of(120), "{} {} {}", of(1), of(20), of(120));
        let flat = [77; 64 * 48];
        assert!(as_jpeg(&Luma { data: &flat, width: 64, stripe: 16 }, &[1; SIZE]).unwrap() > 0.9999);
    }

    #[test]
    fn numbers_that_make_no_sense_are_refused() {
        let data = noise(64 * 48);
        let of = |length: usize, width, stripe, steps: &[u32]| {
            as_jpeg(&Luma { data: &data[..length], width, stripe }, steps).is_err()
        };
        assert!(of(64 * 48, 7, 48, &[1; SIZE]) && of(64 * 48, 64, 4, &[1; SIZE]) && of(64, 64, 48, &[1; SIZE]));
        assert!(of(64 * 48 - 1, 64, 48, &[1; SIZE]) && of(64 * 48, 64, 48, &[1; 9]) && of(64 * 48, 64, 48, &[0; SIZE]));
    }
}
