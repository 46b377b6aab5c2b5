//! The border to Node for files of pixels that were drawn on, and for the comparison of such files.

use napi::bindgen_prelude::{AsyncTask, Buffer, Uint8Array};
use napi::{Env, Error, Result, Status, Task};
use napi_derive::napi;

use crate::likeness::{self, Luma};
use crate::node::{NodeResult, Stop, file_of};
use crate::{Failure, Flag, Output, Sheet};

/// See src/render/engine/engine.ts for what the fields mean.
#[napi(object)]
pub struct NodeEncode {
    pub width: u32,
    pub height: u32,
    pub channels: u32,
    /// `webp` or `jpeg`.
    pub output: String,
    pub quality: u32,
    pub effort: u32,
    pub progressive: bool,
    pub table: u32,
    pub milliseconds: u32,
}

pub struct Encoding {
    pixels: Buffer,
    asked: NodeEncode,
    output: Output,
    flag: Flag,
}

impl Task for Encoding {
    type Output = std::result::Result<Vec<u8>, Failure>;
    type JsValue = NodeResult;

    fn compute(&mut self) -> Result<Self::Output> {
        let NodeEncode { width, height, channels, milliseconds, .. } = self.asked;
        let (width, height, channels) = (width as usize, height as usize, channels as usize);
        let sheet = Sheet { pixels: &self.pixels, width, height, channels };
        Ok(crate::encode_within(&sheet, self.output, self.flag.as_atomic(), u64::from(milliseconds)))
    }

    fn resolve(&mut self, _: Env, output: Self::Output) -> Result<NodeResult> {
        Ok(output.map_or_else(NodeResult::declined, NodeResult::made))
    }
}

#[napi]
pub fn encode(pixels: Buffer, job: NodeEncode, stop: &Stop) -> Result<AsyncTask<Encoding>> {
    let output = file_of(&job.output, job.quality, job.effort, job.progressive, job.table)
        .ok_or_else(|| Error::new(Status::InvalidArg, "encode(pixels, job, stop): no such job"))?;
    Ok(AsyncTask::new(Encoding { pixels, asked: job, output, flag: stop.0.clone() }))
}

pub struct Reading {
    file: Buffer,
    width: usize,
    height: usize,
}

impl Task for Reading {
    type Output = std::result::Result<Vec<u8>, Failure>;
    type JsValue = NodeResult;

    fn compute(&mut self) -> Result<Self::Output> {
        Ok(crate::luma_within(&self.file, self.width, self.height))
    }

    fn resolve(&mut self, _: Env, output: Self::Output) -> Result<NodeResult> {
        Ok(output.map_or_else(NodeResult::declined, NodeResult::made))
    }
}

#[napi]
pub fn webp_luma(file: Buffer, width: u32, height: u32) -> AsyncTask<Reading> {
    AsyncTask::new(Reading { file, width: width as usize, height: height as usize })
}

/// Of a sample, within a millisecond or two.
#[napi]
pub fn jpeg_ssim(luma: Uint8Array, width: u32, stripe: u32, quantisers: Vec<u32>) -> Result<f64> {
    let luma = Luma { data: &luma, width: width as usize, stripe: stripe as usize };
    likeness::as_jpeg(&luma, &quantisers)
        .map_err(|failure| Error::new(Status::InvalidArg, format!("jpegSsim: {}", failure.word())))
}
