//! Lanczos3 of single planes in integers: each row is scaled across, and rows of the result are made of some of these. The kernels
//! of every processor give the same bytes.

/// Fractions of a coefficient.
const BITS: u32 = 14;
const ROUND: i32 = 1 << (BITS - 1);
const LOBES: f64 = 3.0;

/// What of this processor the kernels use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernels {
    Scalar,
    #[cfg(target_arch = "x86_64")]
    Avx2,
}

impl Kernels {
    pub fn best() -> Self {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") {
            return Self::Avx2;
        }
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
    LOBES * p.sin() * (p / LOBES).sin() / (p * p)
}

/// Of which samples, and by how much of each, a line of samples is made.
pub struct Taps {
    /// The first sample of each.
    pub start: Vec<usize>,
    /// `count` for each; they add up to one, so flat ground keeps its level. Some behind the last sample are zero.
    pub coefficients: Vec<i16>,
    pub count: usize,
    /// One behind the last sample that has a coefficient, even if that is zero.
    pub reach: usize,
}

impl Taps {
    /// `size` samples that cover `step * size` of `limit` samples, from `from` on, and may begin or end beyond: the edge goes on there.
    /// `count` is a multiple of `multiple`.
    pub fn new(size: usize, from: f64, step: f64, limit: usize, multiple: usize) -> Self {
        let scale = step.max(1.0);
        let reach = LOBES * scale;
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
                weights[within(sample) - first] += kernel((sample as f64 + 0.5 - centre) / scale);
            }
            let sum: f64 = weights.iter().sum();
            let (mut carried, mut total, mut largest) = (0.0, 0, 0);
            for (at, weight) in weights.iter().enumerate() {
                let exact = weight / sum * f64::from(1 << BITS) + carried;
                own[at] = exact.round() as i16;
                carried = exact - exact.round();
                total += i32::from(own[at]);
                if own[at] > own[largest] {
                    largest = at;
                }
            }
            own[largest] += ((1 << BITS) - total) as i16;
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
pub fn across(kernels: Kernels, rows: [&[u8]; ROWS], taps: &Taps, out: &mut [u8], stride: usize) {
    assert!(rows.iter().all(|row| row.len() >= taps.reach) && stride >= taps.start.len() && out.len() >= ROWS * stride);
    match kernels {
        #[cfg(target_arch = "x86_64")]
        Kernels::Avx2 => crate::lanczos_avx2::across(rows, taps, out, stride),
        Kernels::Scalar => {
            for (y, row) in rows.iter().enumerate() {
                for (x, start) in taps.start.iter().enumerate() {
                    let samples = row[*start..][..taps.count].iter();
                    let sum: i32 = samples.zip(taps.of(x)).map(|(s, c)| i32::from(*s) * i32::from(*c)).sum();
                    out[y * stride + x] = level(sum);
                }
            }
        }
    }
}

/// Samples that `down` makes at a time.
pub const LANES: usize = 16;

/// A row of `rows`, one coefficient for each. All are at least `width` long, rounded up to `LANES`.
pub fn down(kernels: Kernels, rows: &[&[u8]], coefficients: &[i16], width: usize, out: &mut [u8]) {
    let whole = width.next_multiple_of(LANES);
    assert!(rows.len() == coefficients.len() && rows.iter().all(|row| row.len() >= whole) && out.len() >= whole);
    match kernels {
        #[cfg(target_arch = "x86_64")]
        Kernels::Avx2 => crate::lanczos_avx2::down(rows, coefficients, whole, out),
        Kernels::Scalar => {
            let mut sums = [0i32; LANES];
            for x in (0..whole).step_by(LANES) {
                sums.fill(0);
                for (row, c) in rows.iter().zip(coefficients) {
                    for (sum, sample) in sums.iter_mut().zip(&row[x..x + LANES]) {
                        *sum += i32::from(*sample) * i32::from(*c);
                    }
                }
                for (to, sum) in out[x..x + LANES].iter_mut().zip(&sums) {
                    *to = level(*sum);
                }
            }
        }
    }
}

fn level(sum: i32) -> u8 {
    ((sum + ROUND) >> BITS).clamp(0, 255) as u8
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
            let taps = Taps::new(size, from, step, limit, 16);
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
            let taps = Taps::new(size, from, step, limit, 16);
            // Black and white, where sums leave the range of a byte, and noise.
            for kind in 0..2 {
                let mut row = || -> Vec<u8> {
                    (0..taps.reach + 7)
                        .map(|_| if kind == 0 { 255 * (noise(&mut seed) & 1) } else { noise(&mut seed) })
                        .collect()
                };
                let rows: Vec<Vec<u8>> = (0..ROWS).map(|_| row()).collect();
                let of = |kernels| {
                    let mut out = vec![0; ROWS * (size + 3)];
                    across(kernels, [&rows[0], &rows[1], &rows[2], &rows[3]], &taps, &mut out, size + 3);
                    out
                };
                assert_eq!(of(Kernels::Scalar), of(best));
            }
            let taps = Taps::new(1, from, step, limit, 1);
            let width = size.next_multiple_of(LANES);
            let rows: Vec<Vec<u8>> = (0..taps.count).map(|_| (0..width).map(|_| noise(&mut seed)).collect()).collect();
            let rows: Vec<&[u8]> = rows.iter().map(Vec::as_slice).collect();
            let of = |kernels| {
                let mut out = vec![0; width];
                down(kernels, &rows, taps.of(0), size, &mut out);
                out
            };
            assert_eq!(of(Kernels::Scalar), of(best));
        }
    }
}
