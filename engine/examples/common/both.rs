//! One file by this engine's decoder and by libjpeg's, side by side.

use std::sync::atomic::AtomicI32;

use darkroom_engine::codecs::{Bounds, Layout, now};
use darkroom_engine::reader::Reader;
use darkroom_engine::{Failure, Job, Kernels, Output, Part};

pub const SCALES: [u32; 4] = [1, 2, 4, 8];
const SCANS: i32 = 100;

pub fn bounds(stop: &AtomicI32) -> Bounds<'_> {
    Bounds { stop, deadline: now() + 60_000, scans: SCANS }
}

/// A job for nothing but a part of a picture at this size, upright as it lies in the file.
#[allow(dead_code)]
pub fn plain(stored: (u32, u32), part: Part, (width, height): (usize, usize), output: Output) -> Job {
    Job {
        stored,
        part,
        width,
        height,
        orientation: 1,
        output,
        colours: None,
        by_look: false,
        keep: false,
        sharpen: 0.0,
        outline: None,
    }
}

pub fn buffers(layout: &Layout) -> Vec<Vec<u8>> {
    (0..layout.planes as usize).map(|at| vec![0; (layout.rows[at] * layout.stride[at]) as usize]).collect()
}

/// How often `next` is called for all rows.
pub fn calls(layout: &Layout) -> u32 {
    (0..layout.planes as usize).map(|at| layout.height[at].div_ceil(layout.rows[at])).max().unwrap_or(0)
}

fn next(reader: &mut Reader, to: &mut [Vec<u8>]) -> Result<(), Failure> {
    reader.next(&mut to.iter_mut().map(Vec::as_mut_slice).collect::<Vec<_>>())
}

/// What became of a file, or in which way the decoders differ. Where coefficients are larger than those of a picture, libjpeg's transforms wrap
/// and saturate otherwise on each kind of processor; this decoder does what they do on x86-64, everywhere.
pub fn compare(bytes: &[u8], eighths: u32, kernels: Kernels) -> Result<&'static str, &'static str> {
    side_by_side(bytes, eighths, kernels, cfg!(target_arch = "x86_64"))
}

/// The same of a file whose coefficients are those of a picture.
#[allow(dead_code)]
pub fn compare_picture(bytes: &[u8], eighths: u32, kernels: Kernels) -> Result<&'static str, &'static str> {
    side_by_side(bytes, eighths, kernels, true)
}

fn side_by_side(bytes: &[u8], eighths: u32, kernels: Kernels, samples: bool) -> Result<&'static str, &'static str> {
    let stop = AtomicI32::new(0);
    let Some((mut own, header)) = Reader::open_own(bytes, bounds(&stop), kernels) else { return Ok("not taken") };
    if u64::from(header.width) * u64::from(header.height) > 20_000_000 {
        return Ok("too large");
    }
    let (mut other, expected) =
        Reader::open_by_libjpeg(bytes, bounds(&stop)).map_err(|_| "taken, but libjpeg declines the header")?;
    if format!("{header:?}") != format!("{expected:?}") {
        return Err("headers differ");
    }
    let Ok(layout) = own.start(eighths) else { return Ok("declined at the start") };
    let expected = other.start(eighths).map_err(|_| "libjpeg declines the start")?;
    if format!("{layout:?}") != format!("{expected:?}") {
        return Err("layouts differ");
    }
    let (mut to, mut to_other) = (buffers(&layout), buffers(&layout));
    for _ in 0..calls(&layout) {
        if next(&mut own, &mut to).is_err() {
            return Ok("declined in a row");
        }
        next(&mut other, &mut to_other).map_err(|_| "libjpeg declines a row")?;
        if samples && to != to_other {
            return Err("samples differ");
        }
    }
    if own.finish().is_err() {
        return Ok("declined at the end");
    }
    other.finish().map_err(|_| "libjpeg declines the end")?;
    Ok("equal")
}
