//! The border to Node: jobs run on libuv's pool, as sharp's do.

use std::sync::Arc;
use std::sync::atomic::AtomicI32;

use napi::bindgen_prelude::{AsyncTask, Buffer, Uint16Array};
use napi::{Env, Error, Result, Status, Task};
use napi_derive::napi;

use crate::codecs::JpegSettings;
use crate::profile::Conversion;
use crate::{Done, Failure, Flag, Held, Job, Kernels, Outline, Output, Part, Source};

/// See src/render/formats/colour/rgb-profile.ts for what the numbers are.
#[napi(object)]
pub struct NodeColours {
    pub matrix: Vec<i32>,
    pub curves: Uint16Array,
}

/// See src/render/engine/engine.ts for what the fields mean.
#[napi(object)]
pub struct NodeJob {
    pub stored_width: u32,
    pub stored_height: u32,
    pub left: f64,
    pub top: f64,
    pub across: f64,
    pub down: f64,
    pub width: u32,
    pub height: u32,
    pub orientation: u32,
    /// `webp`, `jpeg`, `planes`, `nothing`, `pixels`, `halved pixels`, `glance` or `glance with alpha`.
    pub output: String,
    pub quality: u32,
    pub effort: u32,
    pub progressive: bool,
    pub table: u32,
    pub colours: Option<NodeColours>,
    pub by_look: bool,
    pub sharpen: Option<f64>,
    pub outline: Option<NodeOutline>,
    pub milliseconds: u32,
    /// The kernels that every processor has, for tests.
    pub scalar: Option<bool>,
}

#[napi(object)]
pub struct NodeOutline {
    pub half_width: f64,
    pub half_height: f64,
    pub radius: f64,
    pub ground: Option<Vec<u32>>,
}

#[napi(object)]
pub struct NodeResult {
    /// Undefined where sharp is to do it.
    pub body: Option<Buffer>,
    pub alpha: Option<Buffer>,
    /// Why not: `stopped`, `timeout`, or a word for what the engine does not take.
    pub declined: Option<String>,
    pub peak: f64,
}

/// Stops a job between two rows.
#[napi]
#[derive(Default)]
pub struct Stop(pub(crate) Flag);

#[napi]
impl Stop {
    #[napi(constructor)]
    pub fn new() -> Self {
        Self::default()
    }

    #[napi]
    pub fn stop(&self) {
        self.0.raise();
    }
}

/// From what a job makes its result.
pub enum Given {
    File(Buffer),
    Held(Arc<Held>),
}

/// A job, and how it is done.
pub struct Asked {
    job: Job,
    /// For a look: by the quickest way, and with a fourth byte behind each pixel.
    glance: bool,
    alpha: bool,
    milliseconds: u64,
    kernels: Kernels,
}

impl Asked {
    pub fn of(job: &NodeJob) -> Result<Self> {
        let kernels = if job.scalar == Some(true) { Kernels::Scalar } else { Kernels::best() };
        let own = job_of(job).ok_or_else(|| Error::new(Status::InvalidArg, "render(bytes, job, stop): no such job"))?;
        let (glance, alpha) = (job.output.starts_with("glance"), job.output == "glance with alpha");
        Ok(Self { job: own, glance, alpha, milliseconds: u64::from(job.milliseconds), kernels })
    }

    /// What is scaled is kept beside what is made of it.
    pub fn keeping(mut self) -> Self {
        self.job.keep = true;
        self
    }

    pub fn run(&self, source: Source, flag: &AtomicI32) -> std::result::Result<Done, Failure> {
        let done = crate::run_within(source, &self.job, flag, self.milliseconds, self.kernels);
        if self.alpha { done.and_then(Done::with_alpha) } else { done }
    }
}

pub struct Work {
    given: Given,
    asked: Asked,
    flag: Flag,
}

impl Work {
    pub fn new(given: Given, asked: Asked, stop: &Stop) -> Self {
        Self { given, asked, flag: stop.0.clone() }
    }

    pub fn run(&self) -> std::result::Result<Done, Failure> {
        let source = match &self.given {
            Given::File(bytes) => Source::File(bytes),
            Given::Held(held) if self.asked.glance => Source::Glance(held),
            Given::Held(held) => Source::Held(held),
        };
        self.asked.run(source, self.flag.as_atomic())
    }
}

impl Task for Work {
    type Output = std::result::Result<Done, Failure>;
    type JsValue = NodeResult;

    fn compute(&mut self) -> Result<Self::Output> {
        Ok(self.run())
    }

    fn resolve(&mut self, _: Env, output: Self::Output) -> Result<NodeResult> {
        Ok(match output {
            Ok(Done { body, alpha, peak, .. }) => NodeResult {
                body: Some(body.into()),
                alpha: alpha.map(Buffer::from),
                declined: None,
                peak: peak as f64,
            },
            Err(failure) => NodeResult::declined(failure),
        })
    }
}

impl NodeResult {
    pub fn declined(failure: Failure) -> Self {
        Self { body: None, alpha: None, declined: Some(failure.word().to_owned()), peak: 0.0 }
    }

    pub fn made(body: Vec<u8>) -> Self {
        Self { body: Some(body.into()), alpha: None, declined: None, peak: 0.0 }
    }
}

fn byte(number: u32) -> Option<u8> {
    u8::try_from(number).ok()
}

/// A file of this format.
pub fn file_of(format: &str, quality: u32, effort: u32, progressive: bool, table: u32) -> Option<Output> {
    let quality = byte(quality)?.clamp(1, 100);
    match format {
        "webp" => Some(Output::Webp { quality, effort: byte(effort)?.min(6) }),
        "jpeg" => Some(Output::Jpeg(JpegSettings { quality, progressive, table: byte(table)?.min(8) })),
        _ => None,
    }
}

fn outline_of(outline: &NodeOutline) -> Option<Outline> {
    let ground = match outline.ground.as_deref() {
        Some(&[red, green, blue]) => Some([byte(red)?, byte(green)?, byte(blue)?]),
        Some(_) => return None,
        None => None,
    };
    Some(Outline { half: [outline.half_width, outline.half_height], radius: outline.radius, ground })
}

fn job_of(job: &NodeJob) -> Option<Job> {
    let output = match job.output.as_str() {
        "planes" => Output::Planes,
        "nothing" => Output::Nothing,
        "pixels" | "glance" | "glance with alpha" => Output::Pixels { half: false },
        "halved pixels" => Output::Pixels { half: true },
        format => file_of(format, job.quality, job.effort, job.progressive, job.table)?,
    };
    let outline = match &job.outline {
        Some(outline) => Some(outline_of(outline)?),
        None => None,
    };
    let colours = match &job.colours {
        Some(NodeColours { matrix, curves }) => Some(Conversion::new(matrix, curves)?),
        None => None,
    };
    Some(Job {
        stored: (job.stored_width, job.stored_height),
        part: Part { left: job.left, top: job.top, width: job.across, height: job.down },
        width: job.width as usize,
        height: job.height as usize,
        orientation: byte(job.orientation)?,
        output,
        colours,
        by_look: job.by_look,
        keep: false,
        sharpen: job.sharpen.unwrap_or(0.0),
        outline,
    })
}

#[napi]
pub fn render(bytes: Buffer, job: NodeJob, stop: &Stop) -> Result<AsyncTask<Work>> {
    Ok(AsyncTask::new(Work::new(Given::File(bytes), Asked::of(&job)?, stop)))
}

#[napi]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}

/// Whether this processor has what the engine was compiled for.
#[napi]
pub fn runs_here() -> bool {
    crate::runs_here()
}
