//! The border to Node: jobs run on libuv's pool, as sharp's do.

use std::sync::Arc;
use std::sync::atomic::AtomicI32;

use napi::bindgen_prelude::{AsyncTask, Buffer, Uint16Array};
use napi::{Env, Error, Result, Status, Task};
use napi_derive::napi;

use crate::codecs::JpegSettings;
use crate::profile::Conversion;
use crate::{Done, Failure, Flag, Held, Job, Kernels, Output, Part, Source};

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
    /// `webp`, `jpeg`, `planes`, `pixels`, `halved pixels`, `glance` or `glance with alpha`.
    pub output: String,
    pub quality: u32,
    pub effort: u32,
    pub progressive: bool,
    pub table: u32,
    pub colours: Option<NodeColours>,
    pub by_look: bool,
    pub keep_pixels: bool,
    pub milliseconds: u32,
    /// The kernels that every processor has, for tests.
    pub scalar: Option<bool>,
}

#[napi(object)]
pub struct NodeResult {
    /// Undefined where sharp is to do it.
    pub body: Option<Buffer>,
    pub pixels: Option<Buffer>,
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
}

impl Task for Work {
    type Output = std::result::Result<Done, Failure>;
    type JsValue = NodeResult;

    fn compute(&mut self) -> Result<Self::Output> {
        let source = match &self.given {
            Given::File(bytes) => Source::File(bytes),
            Given::Held(held) if self.asked.glance => Source::Glance(held),
            Given::Held(held) => Source::Held(held),
        };
        Ok(self.asked.run(source, self.flag.as_atomic()))
    }

    fn resolve(&mut self, _: Env, output: Self::Output) -> Result<NodeResult> {
        Ok(match output {
            Ok(Done { body, pixels, peak }) => NodeResult {
                body: Some(body.into()),
                pixels: pixels.map(Buffer::from),
                declined: None,
                peak: peak as f64,
            },
            Err(failure) => {
                NodeResult { body: None, pixels: None, declined: Some(failure.word().to_owned()), peak: 0.0 }
            }
        })
    }
}

fn job_of(job: &NodeJob) -> Option<Job> {
    let byte = |number: u32| u8::try_from(number).ok();
    let quality = byte(job.quality)?.clamp(1, 100);
    let output = match job.output.as_str() {
        "webp" => Output::Webp { quality, effort: byte(job.effort)?.min(6) },
        "jpeg" => Output::Jpeg(JpegSettings { quality, progressive: job.progressive, table: byte(job.table)?.min(8) }),
        "planes" => Output::Planes,
        "pixels" | "glance" | "glance with alpha" => Output::Pixels { half: false },
        "halved pixels" => Output::Pixels { half: true },
        _ => return None,
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
        keep_pixels: job.keep_pixels,
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
