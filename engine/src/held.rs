//! A JPEG that was decoded once and is kept as planes, of which several results are made: at the size and with the sampling at which libjpeg gave
//! them, where each has the bytes that the file itself would give at that scale, or scaled to one size for all smaller ones.

use crate::codecs::{Bounds, Header, Layout};
use crate::lanczos::{Kernels, ROWS};
use crate::planes::{self, Chroma, Decoded, Grid};
use crate::reader::{Reader, by_either};
use crate::{Failure, Job, Output, Part, takes};

/// Samples behind a plane's last row that kernels read, times zero.
pub const MOST_REACH: usize = 512;

/// What is to be decoded, and kept.
#[derive(Clone, Copy, Debug)]
pub struct Keep {
    /// As the header of the file must say.
    pub stored: (u32, u32),
    pub eighths: u32,
    /// By how much a second copy is shrunk, for looks: 2, 4 or 8, of which the eighths are a multiple. 1: there is none.
    pub glance: usize,
    /// Bytes that all planes may take.
    pub most: usize,
}

#[derive(Debug)]
pub struct Held {
    pub(crate) header: Header,
    pub(crate) grid: Grid,
    /// Rows lie as far apart as the layout says, and some more are there behind the last one.
    pub(crate) planes: Vec<Vec<u8>>,
    /// As libjpeg would give it at fewer eighths, almost: means of squares take a tenth of the time that Lanczos3 takes of all samples.
    glance: Option<Box<Held>>,
}

impl Held {
    /// Decodes all of a file. Declined where the planes would be too large.
    pub fn decode(bytes: &[u8], keep: &Keep, bounds: Bounds, kernels: Kernels) -> Result<Self, Failure> {
        by_either(bytes, bounds, kernels, |reader, header| Self::read(reader, header, keep))
    }

    fn read(mut reader: Reader, header: Header, keep: &Keep) -> Result<Self, Failure> {
        takes(&header, keep.stored)?;
        let layout = reader.start(keep.eighths)?;
        let glance = match keep.glance {
            1 => None,
            by => Some(shrunk(&header, &layout, by).ok_or(Failure::Declined("job"))?),
        };
        let units = units(&layout);
        let sizes = |layout: &Layout| {
            let size =
                |plane| units.checked_mul(each(layout, plane)).and_then(|size| size.checked_add(spare(layout, plane)));
            (0..layout.planes as usize).map(size).collect::<Option<Vec<usize>>>().ok_or(Failure::Declined("memory"))
        };
        let (sizes, small_sizes) = (sizes(&layout)?, glance.as_ref().map_or(Ok(Vec::new()), sizes)?);
        if sizes.iter().chain(&small_sizes).sum::<usize>() > keep.most {
            return Err(Failure::Declined("memory"));
        }
        let (mut planes, mut small) = (reserved(&sizes)?, reserved(&small_sizes)?);
        let mut sums = crate::zeros(layout.stride[0].max(layout.stride[1]) as usize)?;
        for _ in 0..units {
            // Grown by what is read next, which then lies in the processor's cache.
            let mut to: Vec<&mut [u8]> =
                planes.iter_mut().enumerate().map(|(at, plane)| grown(plane, each(&layout, at))).collect();
            reader.next(&mut to)?;
            let Some(layout_small) = &glance else { continue };
            for (at, (plane, read)) in small.iter_mut().zip(&to).enumerate() {
                let rows = grown(plane, each(layout_small, at));
                shrink(read, layout.stride[at] as usize, keep.glance, &mut sums, rows);
            }
        }
        reader.finish()?;
        for (plane, size) in planes.iter_mut().zip(sizes).chain(small.iter_mut().zip(small_sizes)) {
            plane.resize(size, 0);
        }
        let own =
            |layout: &Layout, planes, glance| Self { header, grid: Grid::of_file(layout, &header), planes, glance };
        let glance = glance.map(|layout| Box::new(own(&layout, small, None)));
        Ok(own(&layout, planes, glance))
    }

    /// What was scaled for a job that shows all, as it lies in the file: for others that are smaller. None where chroma lies beside brightness.
    pub fn of(decoded: &mut Decoded, job: &Job) -> Result<Option<Self>, Failure> {
        // Less than a thousandth of a pixel is rounding.
        let near = |one: f64, other: u32| (one - f64::from(other)).abs() < 1e-3;
        let Part { left, top, width, height } = job.part;
        let all = near(left, 0) && near(top, 0) && near(width, job.stored.0) && near(height, job.stored.1);
        let beside = decoded.chroma == Chroma::Half && planes::reversed(job).contains(&true);
        if !all || beside {
            return Ok(None);
        }
        let (whole_width, whole_height) = job.scaled();
        let whole = [whole_width as f64 / width, whole_height as f64 / height];
        let half = |plane| decoded.chroma == Chroma::Half && plane > 0;
        let mut layout = Layout { planes: decoded.planes.len() as u32, ..Layout::default() };
        let mut planes = Vec::new();
        // What nothing is made of any more is not copied.
        let moved = matches!(job.output, Output::Nothing) && !job.by_look;
        for (at, plane) in decoded.planes.iter_mut().enumerate() {
            (layout.width[at], layout.height[at], layout.rows[at]) = (plane.width as u32, plane.height as u32, 1);
            layout.stride[at] = layout.width[at];
            let samples = plane.width * plane.height;
            let size = samples + spare(&layout, at);
            if moved && plane.data.len() >= size {
                planes.push(std::mem::take(&mut plane.data));
                continue;
            }
            let mut own = reserved(&[size])?.swap_remove(0);
            own.extend_from_slice(&plane.data[..samples]);
            own.resize(size, 0);
            planes.push(own);
        }
        let per_pixel = std::array::from_fn(|at| whole.map(|scale| if half(at) { scale / 2.0 } else { scale }));
        let levels = std::array::from_fn(|at| planes::levels(job, at));
        Ok(Some(Self { header: decoded.header, grid: Grid { layout, per_pixel, levels }, planes, glance: None }))
    }

    pub fn bytes(&self) -> usize {
        let own: usize = self.planes.iter().map(Vec::len).sum();
        own + self.glance.as_ref().map_or(0, |small| small.bytes())
    }

    /// The smaller copy, where it has samples enough.
    fn for_look(&self, job: &Job) -> &Self {
        let small = self.glance.as_deref();
        let step = |small: &Self| planes::step(job) * f64::from(small.grid.layout.width[0]) / f64::from(job.stored.0);
        small.filter(|small| step(small) >= 1.0).unwrap_or(self)
    }
}

/// How often rows are read until all are.
fn units(layout: &Layout) -> usize {
    let of = |plane: usize| layout.height[plane].div_ceil(layout.rows[plane].max(1)) as usize;
    (0..layout.planes as usize).map(of).max().unwrap_or(0)
}

/// Samples of a plane that are read at a time.
fn each(layout: &Layout, plane: usize) -> usize {
    layout.rows[plane] as usize * layout.stride[plane] as usize
}

/// For fours of rows that begin in the last one.
fn spare(layout: &Layout, plane: usize) -> usize {
    ROWS * layout.stride[plane] as usize + MOST_REACH
}

fn reserved(sizes: &[usize]) -> Result<Vec<Vec<u8>>, Failure> {
    let plane = |size: &usize| {
        let mut plane = Vec::new();
        plane.try_reserve_exact(*size).map_err(|_| Failure::Declined("memory"))?;
        Ok(plane)
    };
    sizes.iter().map(plane).collect()
}

fn grown(plane: &mut Vec<u8>, by: usize) -> &mut [u8] {
    let from = plane.len();
    plane.resize(from + by, 0);
    &mut plane[from..]
}

/// A layout at a part of the size; undefined where a part of a block would be left.
fn shrunk(header: &Header, layout: &Layout, by: usize) -> Option<Layout> {
    let part = u32::try_from(by).ok().filter(|part| matches!(part, 2 | 4 | 8))?;
    let mut small = *layout;
    for at in 0..layout.planes as usize {
        let whole =
            layout.rows[at].is_multiple_of(header.down[at].max(1) * part) && layout.stride[at].is_multiple_of(part);
        if !whole {
            return None;
        }
        small.stride[at] /= part;
        small.rows[at] /= part;
        small.width[at] = small.width[at].div_ceil(part);
        small.height[at] = small.height[at].div_ceil(part);
    }
    Some(small)
}

/// Rows of the means of squares of `by` samples a side. All are whole.
fn shrink(rows: &[u8], stride: usize, by: usize, sums: &mut [u16], to: &mut [u8]) {
    let sums = &mut sums[..stride];
    for (some, to) in rows.chunks_exact(stride * by).zip(to.chunks_exact_mut(stride / by)) {
        sums.fill(0);
        for row in some.chunks_exact(stride) {
            for (sum, sample) in sums.iter_mut().zip(row) {
                *sum += u16::from(*sample);
            }
        }
        match by {
            2 => means::<2>(sums, to),
            4 => means::<4>(sums, to),
            _ => means::<8>(sums, to),
        }
    }
}

fn means<const BY: usize>(sums: &[u16], to: &mut [u8]) {
    for (to, square) in to.iter_mut().zip(sums.as_chunks::<BY>().0) {
        *to = ((square.iter().sum::<u16>() + (BY * BY / 2) as u16) >> (2 * BY.trailing_zeros())) as u8;
    }
}

/// From what a result is made.
#[derive(Clone, Copy)]
pub enum Source<'a> {
    File(&'a [u8]),
    Held(&'a Held),
    /// The same for a look, which needs no more than it takes to see something.
    Glance(&'a Held),
}

impl Source<'_> {
    /// What a job needs of it, at the size of its result.
    pub fn scaled(self, job: &Job, chroma: Chroma, bounds: Bounds, kernels: Kernels) -> Result<Decoded, Failure> {
        let held = match self {
            Source::File(bytes) => {
                return by_either(bytes, bounds, kernels, |reader, header| {
                    takes(&header, job.stored)?;
                    planes::decode(reader, &header, job, chroma, kernels)
                });
            }
            Source::Held(held) => held,
            Source::Glance(held) => held.for_look(job),
        };
        takes(&held.header, job.stored)?;
        planes::scale(held, job, chroma, bounds, kernels)
    }
}

/// Red, green and blue as a detector reads them, a fourth byte behind each three.
pub fn with_alpha(pixels: &[u8]) -> Result<Vec<u8>, Failure> {
    let mut rgba = crate::zeros(pixels.len() / 3 * 4)?;
    for (to, from) in rgba.chunks_exact_mut(4).zip(pixels.chunks_exact(3)) {
        to[..3].copy_from_slice(from);
        to[3] = 255;
    }
    Ok(rgba)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn squares_become_their_means() {
        for by in [2, 4, 8] {
            let (stride, height) = (24, 16);
            let rows: Vec<u8> = (0..stride * height).map(|at| (at * 37 % 251) as u8).collect();
            let mut to = vec![0; rows.len() / by / by];
            shrink(&rows, stride, by, &mut vec![0; stride], &mut to);
            for (at, mean) in to.iter().enumerate() {
                let (left, top) = (at % (stride / by) * by, at / (stride / by) * by);
                let sum: usize = (0..by * by).map(|n| usize::from(rows[(top + n / by) * stride + left + n % by])).sum();
                assert_eq!(usize::from(*mean), (sum + by * by / 2) / (by * by));
            }
            let mut white = vec![0; to.len()];
            shrink(&vec![255; rows.len()], stride, by, &mut vec![0; stride], &mut white);
            assert!(white.iter().all(|sample| *sample == 255));
        }
    }
}
