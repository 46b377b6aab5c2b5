//! Lanczos3 of single planes in integers: each row is scaled across, and rows of the result are made of some of these. The kernels
//! of every processor give the same bytes.

/// Fractions of a coefficient, and of a sample between across and down: rounded twice to levels, flat ground is noisier than sharp's, whose
/// brightness is the mean of three rounded colours.
pub const BITS: u32 = 14;
pub const KEPT: u32 = 6;
/// From a sum across to a kept sample, and from a sum down to a level.
pub const TO_KEPT: u32 = BITS - KEPT;
pub const TO_LEVEL: u32 = BITS + KEPT;
const LOBES: f64 = 3.0;

/// What of this processor the kernels use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernels {
    Scalar,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "aarch64")]
    Neon,
}

impl Kernels {
    pub fn best() -> Self {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") {
            return Self::Avx2;
        }
        #[cfg(target_arch = "aarch64")]
        return Self::Neon;
        #[cfg(not(target_arch = "aarch64"))]
        Self::Scalar
    }
}

fn kernel(x: f64) -> f64 {
    let x = x.abs();
    if x < 1e-9 {
        return 1.0;
    }
    if x >= LOBES {
        return 0.0;
    }
    let p = std::f64::consts::PI * x;
    // sin 3a = 3 sin a - 4 sin³ a: the sine is what coefficients cost.
    let sine = (p / LOBES).sin();
    LOBES * (3.0 * sine - 4.0 * sine * sine * sine) * sine / (p * p)
}

/// Of which samples, and by how much of each, a line of samples is made.
#[derive(Clone)]
pub struct Taps {
    /// The first sample of each.
    pub start: Vec<usize>,
    /// `count` for each; they add up to one, so flat ground keeps its level. Some behind the last sample are zero.
    pub coefficients: Vec<i16>,
    pub count: usize,
    /// One behind the last sample that has a coefficient, even if that is zero.
    pub reach: usize,
}

/// What a sample of a result is the mean of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sample {
    Whole,
    /// Of two that Lanczos3 gives at half the step: chroma of 4:2:0 as an encoder makes it of pixels. By itself it would be sharper, and
    /// take bytes of the brightness.
    Pair,
}

/// Which levels a plane of a result has: `scale` times those of the original, `offset` more.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    pub scale: f64,
    pub offset: f64,
}

impl Range {
    pub const FULL: Self = Self { scale: 1.0, offset: 0.0 };
    /// 16 to 235, and 16 to 240 for chroma: what VP8 holds.
    pub const LIMITED_LUMA: Self = Self { scale: 219.0 / 255.0, offset: 16.0 };
    pub const LIMITED_CHROMA: Self = Self { scale: 224.0 / 255.0, offset: 128.0 - 128.0 * 224.0 / 255.0 };

    /// The same levels, of a plane that has those already.
    pub fn of(self, given: Self) -> Self {
        let scale = self.scale / given.scale;
        Self { scale, offset: self.offset - given.offset * scale }
    }

    /// What a sum down begins with: the offset, and half a level.
    pub fn beginning(self) -> i32 {
        ((self.offset + 0.5) * f64::from(1 << TO_LEVEL)).round() as i32
    }
}

impl Taps {
    /// `size` samples that cover `step * size` of `limit` samples, from `from` on, and may begin or end beyond: the edge goes on there.
    /// `count` is a multiple of `multiple`. Coefficients add up to `sum`.
    pub fn new(size: usize, from: f64, step: f64, limit: usize, multiple: usize, sum: f64, sample: Sample) -> Self {
        let (each, apart) = if sample == Sample::Pair { (step / 2.0, step / 4.0) } else { (step, 0.0) };
        let scale = each.max(1.0);
        let reach = LOBES * scale + apart;
        let count = ((2.0 * reach).ceil() as usize + 2).next_multiple_of(multiple);
        let mut start = Vec::with_capacity(size);
        let mut coefficients = vec![0i16; size * count];
        let mut weights = vec![0f64; count];
        for (i, own) in coefficients.chunks_exact_mut(count).enumerate() {
            let centre = from + (i as f64 + 0.5) * step;
            let (low, high) = ((centre - reach).floor() as i64, (centre + reach).ceil() as i64);
            let within = |sample: i64| sample.clamp(0, limit as i64 - 1) as usize;
            let first = within(low);
            weights.fill(0.0);
            for sample in low..high {
                let at = sample as f64 + 0.5 - centre;
                weights[within(sample) - first] += kernel((at - apart) / scale) + kernel((at + apart) / scale);
            }
            let all: f64 = weights.iter().sum();
            let (mut carried, mut total, mut largest) = (0.0, 0, 0);
            for (at, weight) in weights.iter().enumerate() {
                let exact = weight / all * sum * f64::from(1 << BITS) + carried;
                own[at] = exact.round() as i16;
                carried = exact - exact.round();
                total += i32::from(own[at]);
                if own[at] > own[largest] {
                    largest = at;
                }
            }
            own[largest] += ((sum * f64::from(1 << BITS)).round() as i32 - total) as i16;
            start.push(first);
        }
        let reach = start.iter().max().map_or(0, |last| last + count);
        Self { start, coefficients, count, reach }
    }

    pub fn of(&self, sample: usize) -> &[i16] {
        &self.coefficients[sample * self.count..][..self.count]
    }
}

/// Rows that `across` scales at a time.
pub const ROWS: usize = 4;

/// Four rows, each at least `taps.reach` long, scaled to rows of `out` that are `stride` apart.
pub fn across(kernels: Kernels, rows: [&[u8]; ROWS], taps: &Taps, out: &mut [i16], stride: usize) {
    assert!(rows.iter().all(|row| row.len() >= taps.reach) && stride >= taps.start.len() && out.len() >= ROWS * stride);
    match kernels {
        #[cfg(target_arch = "x86_64")]
        Kernels::Avx2 => crate::simd::avx2::across(rows, taps, out, stride),
        #[cfg(target_arch = "aarch64")]
        Kernels::Neon => crate::simd::neon::across(rows, taps, out, stride),
        Kernels::Scalar => {
            for (y, row) in rows.iter().enumerate() {
                for (x, start) in taps.start.iter().enumerate() {
                    let samples = row[*start..][..taps.count].iter();
                    let sum: i32 = samples.zip(taps.of(x)).map(|(s, c)| i32::from(*s) * i32::from(*c)).sum();
                    let kept = (sum + (1 << (TO_KEPT - 1))) >> TO_KEPT;
                    out[y * stride + x] = kept.clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16;
                }
            }
        }
    }
}

/// Samples that `down` makes at a time.
pub const LANES: usize = 16;

/// A row of `rows`, one coefficient for each, on what each sum begins with. All are at least `width` long, rounded up to `LANES`.
pub fn down(kernels: Kernels, rows: &[&[i16]], coefficients: &[i16], beginning: i32, width: usize, out: &mut [u8]) {
    let whole = width.next_multiple_of(LANES);
    assert!(rows.len() == coefficients.len() && rows.iter().all(|row| row.len() >= whole) && out.len() >= whole);
    match kernels {
        #[cfg(target_arch = "x86_64")]
        Kernels::Avx2 => crate::simd::avx2::down(rows, coefficients, beginning, whole, out),
        #[cfg(target_arch = "aarch64")]
        Kernels::Neon => crate::simd::neon::down(rows, coefficients, beginning, whole, out),
        Kernels::Scalar => {
            let mut sums = [0i32; LANES];
            for x in (0..whole).step_by(LANES) {
                sums.fill(beginning);
                for (row, c) in rows.iter().zip(coefficients) {
                    for (sum, sample) in sums.iter_mut().zip(&row[x..x + LANES]) {
                        *sum += i32::from(*sample) * i32::from(*c);
                    }
                }
                for (to, sum) in out[x..x + LANES].iter_mut().zip(&sums) {
                    *to = (*sum >> TO_LEVEL).clamp(0, 255) as u8;
                }
            }
        }
    }
}

/// Levels alone, as `across` and `down` change them: `factor` is that of a sum down, `beginning` its own.
pub fn levels(kernels: Kernels, from: &[u8], factor: i32, beginning: i32, to: &mut [u8]) {
    match kernels {
        #[cfg(target_arch = "x86_64")]
        Kernels::Avx2 => crate::simd::avx2::levels(from, factor, beginning, to),
        // The compiler does it in registers where every processor of a kind has them.
        _ => change(from, factor, beginning, to),
    }
}

#[inline(always)]
pub fn change(from: &[u8], factor: i32, beginning: i32, to: &mut [u8]) {
    for (to, level) in to.iter_mut().zip(from) {
        *to = (((i32::from(*level) << KEPT) * factor + beginning) >> TO_LEVEL).clamp(0, 255) as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A generator for tests: xorshift.
    fn noise(seed: &mut u64) -> u8 {
        *seed ^= *seed << 13;
        *seed ^= *seed >> 7;
        *seed ^= *seed << 17;
        (*seed >> 24) as u8
    }

    #[test]
    fn flat_ground_keeps_its_level() {
        for (size, from, step, limit) in
            [(1, 0.0, 7.3, 7), (150, 0.0, 2.37, 356), (33, 11.5, 1.0, 64), (9, -0.5, 40.0, 380)]
        {
            let taps = Taps::new(size, from, step, limit, 16, 1.0, Sample::Whole);
            for i in 0..size {
                assert_eq!(taps.of(i).iter().map(|c| i32::from(*c)).sum::<i32>(), 1 << BITS);
                assert!(taps.start[i] < limit);
            }
        }
    }

    #[test]
    fn the_kernels_of_all_processors_give_equal_bytes() {
        let best = Kernels::best();
        let mut seed = 88_172_645_463_325_252;
        for (size, from, step, limit) in
            [(1, 0.0, 3.0, 3), (17, 0.3, 1.0, 20), (150, 3.7, 2.71, 420), (601, 0.0, 1.66, 999), (40, 0.0, 19.5, 780)]
        {
            let taps = Taps::new(size, from, step, limit, 16, 1.0, Sample::Pair);
            // Black and white, where sums leave the range of a byte, and noise.
            for kind in 0..2 {
                let mut row = || -> Vec<u8> {
                    (0..taps.reach + 7)
                        .map(|_| if kind == 0 { 255 * (noise(&mut seed) & 1) } else { noise(&mut seed) })
                        .collect()
                };
                let rows: Vec<Vec<u8>> = (0..ROWS).map(|_| row()).collect();
                let of = |kernels| {
                    let mut out = vec![0i16; ROWS * (size + 3)];
                    across(kernels, [&rows[0], &rows[1], &rows[2], &rows[3]], &taps, &mut out, size + 3);
                    out
                };
                assert_eq!(of(Kernels::Scalar), of(best));
            }
            let taps = Taps::new(1, from, step, limit, 1, 219.0 / 255.0, Sample::Whole);
            let width = size.next_multiple_of(LANES);
            let mut sample = || (i16::from(noise(&mut seed)) - 20) * 80 + 3;
            let rows: Vec<Vec<i16>> = (0..taps.count).map(|_| (0..width).map(|_| sample()).collect()).collect();
            let rows: Vec<&[i16]> = rows.iter().map(Vec::as_slice).collect();
            let of = |kernels| {
                let mut out = vec![0; width];
                down(kernels, &rows, taps.of(0), Range::LIMITED_LUMA.beginning(), size, &mut out);
                out
            };
            assert_eq!(of(Kernels::Scalar), of(best));
        }
    }
}
