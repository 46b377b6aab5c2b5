//! Renditions of JPEGs that never leave YCbCr: libjpeg decodes to planes, each plane is scaled by rows, and planes go to the encoder.
//! It takes the common picture and declines everything else, which sharp then renders: see README.md.

#![deny(unsafe_code)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

#[allow(unsafe_code)]
pub mod codecs;
mod colour;
mod held;
mod jpeg;
mod lanczos;
pub mod likeness;
mod look;
mod outline;
mod planes;
pub mod profile;
pub mod reader;
mod sharpen;
#[allow(unsafe_code)]
mod simd;

use codecs::{Bounds, Header, JpegSettings};
pub use held::{Held, Keep, Source};
pub use lanczos::Kernels;
pub use outline::Outline;
pub use planes::eighths;
use planes::{Chroma, Decoded, Planes};
use profile::Conversion;
use reader::Reader;

/// Why there is no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Not for this engine: sharp says what becomes of it.
    Declined(&'static str),
    Stopped,
    TimedOut,
}

impl Failure {
    /// As src/render/engine/engine.ts has it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Declined(why) => why,
            Self::Stopped => "stopped",
            Self::TimedOut => "timeout",
        }
    }
}

/// A file that is no whole JPEG.
const DAMAGED: Failure = Failure::Declined("damaged");

/// A box of the stored picture in its pixels, as it lies in the file.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    pub left: f64,
    pub top: f64,
    pub width: f64,
    pub height: f64,
}

#[derive(Clone, Copy, Debug)]
pub enum Output {
    /// Quality and effort of libwebp.
    Webp {
        quality: u8,
        effort: u8,
    },
    Jpeg(JpegSettings),
    /// Planes of 4:2:0 behind each other.
    Planes,
    /// Nothing: what was scaled is kept.
    Nothing,
    /// Red, green and blue. `half`: for an encoder that halves their colours anyway.
    Pixels {
        half: bool,
    },
}

/// One result: which part of a picture, at what size, how it is turned, and what it is written as.
#[derive(Clone, Debug)]
pub struct Job {
    /// As the header of the file must say.
    pub stored: (u32, u32),
    pub part: Part,
    /// Of the result, upright.
    pub width: usize,
    pub height: usize,
    /// By which of EXIF's eight ways the part is turned to be the result.
    pub orientation: u8,
    pub output: Output,
    /// What the original's profile says, where its colours are not those of sRGB.
    pub colours: Option<Conversion>,
    /// Declines what looks drawn.
    pub by_look: bool,
    /// Keeps what was scaled, for others.
    pub keep: bool,
    /// How much is added of what scaling took, to the picture but not to what is kept: 0 to 1.
    pub sharpen: f64,
    /// What is cut out of it likewise.
    pub outline: Option<Outline>,
}

impl Job {
    /// The size of the result before it is turned.
    pub fn scaled(&self) -> (usize, usize) {
        if self.orientation >= 5 { (self.height, self.width) } else { (self.width, self.height) }
    }

    fn is_sound(&self) -> bool {
        let Part { left, top, width, height } = self.part;
        let numbers = [left, top, width, height].iter().all(|number| number.is_finite() && *number >= 0.0);
        let within = left + width <= f64::from(self.stored.0) + 1.0 && top + height <= f64::from(self.stored.1) + 1.0;
        let side = |length: usize| (1..=MOST_SIDE).contains(&length);
        let (w, h) = self.scaled();
        // Nothing is enlarged, but for a hair of rounding.
        let shrinks = width * 1.01 >= w as f64 && height * 1.01 >= h as f64;
        let outlined = self.outline.is_none_or(|outline| {
            let fits = match self.output {
                Output::Webp { .. } | Output::Planes => true,
                Output::Jpeg(_) => outline.ground.is_some(),
                Output::Pixels { .. } | Output::Nothing => false,
            };
            fits && outline.is_sound(self.width, self.height)
        });
        let sharpens = (0.0..=1.0).contains(&self.sharpen)
            && (self.sharpen == 0.0 || !matches!(self.output, Output::Pixels { .. }));
        numbers
            && sharpens
            && within
            && outlined
            && side(self.width)
            && side(self.height)
            && shrinks
            && (1..=8).contains(&self.orientation)
    }
}

/// What a job made.
#[derive(Debug)]
pub struct Done {
    pub body: Vec<u8>,
    /// How opaque each pixel is, beside planes or a WebP of which something was cut out.
    pub alpha: Option<Vec<u8>>,
    /// What was kept of a job that shows all.
    pub held: Option<Held>,
    /// Bytes that were held at the most, besides the file, libjpeg and the encoder.
    pub peak: usize,
}

impl Done {
    /// Of a job for pixels: a fourth byte behind each, as a detector reads them.
    pub fn with_alpha(self) -> Result<Self, Failure> {
        let body = held::with_alpha(&self.body)?;
        Ok(Self { peak: self.peak + body.len(), body, ..self })
    }
}

const MOST_SIDE: usize = 8192;
/// As src/render/formats/header.ts has it.
const MOST_SCANS: i32 = 100;

/// Memory of a size that a header has named: without it, a job is declined and the process lives on.
fn zeros<T: Clone + Default>(length: usize) -> Result<Vec<T>, Failure> {
    filled(T::default(), length)
}

fn filled<T: Clone>(with: T, length: usize) -> Result<Vec<T>, Failure> {
    let mut memory = Vec::new();
    memory.try_reserve_exact(length).map_err(|_| Failure::Declined("memory"))?;
    memory.resize(length, with);
    Ok(memory)
}

/// What this engine decodes: 8 bits of YCbCr or grey, whose chroma is stored once for at most two pixels each way.
fn takes(header: &Header, stored: (u32, u32)) -> Result<(), Failure> {
    const GREY: u32 = 1;
    const YCBCR: u32 = 3;
    let even = |[luma, cb, cr, _]: [u32; 4]| cb == cr && (luma == cb || luma == 2 * cb);
    let colours = match (header.components, header.colours) {
        (1, GREY) => true,
        (3, YCBCR) => even(header.across) && even(header.down),
        _ => false,
    };
    let taken = colours && header.precision == 8 && header.arithmetic == 0;
    match (taken, (header.width, header.height) == stored) {
        (true, true) => Ok(()),
        (false, _) => Err(Failure::Declined("coding")),
        (_, false) => Err(Failure::Declined("size")),
    }
}

/// Does one job. Runs on any thread, as long as `bounds` allows.
pub fn run(source: Source, job: &Job, bounds: Bounds, kernels: Kernels) -> Result<Done, Failure> {
    if !job.is_sound() {
        return Err(Failure::Declined("job"));
    }
    finish(source.scaled(job, chroma_of(job), bounds, kernels)?, job, bounds, kernels)
}

/// The same for a JPEG that was opened.
pub fn render(reader: Reader, header: &Header, job: &Job, bounds: Bounds, kernels: Kernels) -> Result<Done, Failure> {
    takes(header, job.stored)?;
    finish(planes::decode(reader, header, job, chroma_of(job), kernels)?, job, bounds, kernels)
}

fn is_whole(job: &Job) -> bool {
    matches!(job.output, Output::Pixels { half: false })
}

/// Colours are converted before they are halved.
fn chroma_of(job: &Job) -> Chroma {
    if is_whole(job) || job.colours.is_some() { Chroma::Full } else { Chroma::Half }
}

fn finish(mut decoded: Decoded, job: &Job, bounds: Bounds, kernels: Kernels) -> Result<Done, Failure> {
    let held = if job.keep { Held::of(&mut decoded, job)? } else { None };
    let peak = decoded.peak + held.as_ref().map_or(0, Held::bytes);
    if is_whole(job) {
        let body = decoded.into_pixels(job)?;
        return Ok(Done { peak: peak + 2 * body.len(), body, alpha: None, held });
    }
    if matches!(job.output, Output::Nothing) && !job.by_look {
        return Ok(Done { body: Vec::new(), alpha: None, held, peak });
    }
    let mut planes = match &job.colours {
        Some(colours) => decoded.into_converted(job, colours, kernels)?,
        None => decoded.into_planes(job)?,
    };
    let limited = matches!(job.output, Output::Webp { .. });
    let levels = colour::Levels::of(limited);
    if job.by_look && look::may_be_drawn(&planes, &levels) {
        return Err(Failure::Declined("drawn"));
    }
    let peak = peak + planes.luma.len() + planes.cb.len() + planes.cr.len();
    if matches!(job.output, Output::Pixels { .. }) {
        let mut pixels = zeros(3 * job.width * job.height)?;
        colour::pixels_of(&planes, &levels, &mut pixels);
        return Ok(Done { peak: peak + pixels.len(), body: pixels, alpha: None, held });
    }
    sharpen::lift(&mut planes, job.sharpen, limited)?;
    let alpha = match &job.outline {
        Some(outline) => outline.cut(&mut planes, limited)?,
        None => None,
    };
    let peak = peak + alpha.as_ref().map_or(0, Vec::len);
    let body = match job.output {
        Output::Planes => planes.packed()?,
        Output::Nothing => Vec::new(),
        // The alpha of a shape is coded once for all pictures, which is for the caller to do.
        _ => write(&planes, None, job.output, bounds)?,
    };
    Ok(Done { body, alpha, held, peak })
}

/// A file of planes whose range is that of its coding. Alpha is for WebP alone.
fn write(planes: &Planes, alpha: Option<&[u8]>, output: Output, bounds: Bounds) -> Result<Vec<u8>, Failure> {
    match (output, alpha) {
        (Output::Webp { quality, effort }, alpha) => {
            codecs::write_webp(planes, alpha, f32::from(quality), effort, bounds)
        }
        (Output::Jpeg(settings), None) => codecs::write_jpeg(planes, settings, bounds),
        _ => Err(Failure::Declined("job")),
    }
}

/// Pixels for an encoder to 4:2:0.
pub struct Sheet<'a> {
    pub pixels: &'a [u8],
    pub width: usize,
    pub height: usize,
    /// 3, or 4 with alpha.
    pub channels: usize,
}

/// A file of pixels: WebP, or a JPEG of opaque ones.
pub fn encode_within(sheet: &Sheet, output: Output, stop: &AtomicI32, milliseconds: u64) -> Result<Vec<u8>, Failure> {
    within(stop, milliseconds, |bounds| {
        let side = |length: usize| (1..=MOST_SIDE).contains(&length);
        let sized = side(sheet.width) && side(sheet.height) && matches!(sheet.channels, 3 | 4);
        if !sized || sheet.pixels.len() != sheet.width * sheet.height * sheet.channels {
            return Err(Failure::Declined("job"));
        }
        let (planes, alpha) = colour::planes_of(sheet, matches!(output, Output::Webp { .. }))?;
        write(&planes, alpha.as_deref(), output, bounds)
    })
}

/// The brightness of an opaque WebP of this size, in full range and without padding, as a decoder shows it.
pub fn luma_within(file: &[u8], width: usize, height: usize) -> Result<Vec<u8>, Failure> {
    let side = |length: usize| (1..=MOST_SIDE).contains(&length);
    if !side(width) || !side(height) {
        return Err(Failure::Declined("job"));
    }
    let luma = catch_unwind(|| codecs::read_webp_luma(file, width, height));
    let mut luma = luma.unwrap_or(Err(Failure::Declined("fault")))?;
    colour::Levels::of(true).widen(&mut luma);
    Ok(luma)
}

/// `run` until a deadline, which no panic leaves.
pub fn run_within(
    source: Source,
    job: &Job,
    stop: &AtomicI32,
    milliseconds: u64,
    kernels: Kernels,
) -> Result<Done, Failure> {
    within(stop, milliseconds, |bounds| run(source, job, bounds, kernels))
}

/// `Held::decode` likewise.
pub fn hold_within(
    bytes: &[u8],
    keep: &Keep,
    stop: &AtomicI32,
    milliseconds: u64,
    kernels: Kernels,
) -> Result<Held, Failure> {
    within(stop, milliseconds, |bounds| Held::decode(bytes, keep, bounds, kernels))
}

fn within<T>(
    stop: &AtomicI32,
    milliseconds: u64,
    work: impl FnOnce(Bounds) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let bounds = Bounds { stop, deadline: codecs::now().saturating_add(milliseconds), scans: MOST_SCANS };
    catch_unwind(AssertUnwindSafe(|| work(bounds))).unwrap_or(Err(Failure::Declined("fault")))
}

/// Whether this processor has what libwebp was compiled for. On arm64 the engine ran under emulation alone, so it is off but for the feature.
pub fn runs_here() -> bool {
    #[cfg(target_arch = "x86_64")]
    return is_x86_feature_detected!("sse4.1");
    #[cfg(not(target_arch = "x86_64"))]
    cfg!(all(target_arch = "aarch64", feature = "arm64"))
}

#[cfg(feature = "node")]
mod node;
#[cfg(feature = "node")]
mod node_encode;
#[cfg(feature = "node")]
mod node_held;

/// The flag by which a job is stopped.
#[derive(Clone, Default)]
pub struct Flag(Arc<AtomicI32>);

impl Flag {
    pub fn raise(&self) {
        self.0.store(1, Ordering::Relaxed);
    }

    pub fn as_atomic(&self) -> &AtomicI32 {
        &self.0
    }
}
