//! The border to Node for pictures that are decoded once and kept.

use std::sync::Arc;

use napi::bindgen_prelude::{AsyncTask, Buffer};
use napi::{Env, Error, Result, Status, Task};
use napi_derive::napi;

use crate::node::{Asked, Given, NodeJob, Stop, Work};
use crate::{Done, Failure, Flag, Held, Keep, Kernels, Source};

/// See src/render/engine/engine.ts for what the fields mean.
#[napi(object)]
pub struct NodeHold {
    pub stored_width: u32,
    pub stored_height: u32,
    pub eighths: u32,
    pub glance: u32,
    pub most_bytes: f64,
    pub milliseconds: u32,
    /// A glance that is made at once.
    pub look: Option<NodeJob>,
}

/// Planes outside V8's heap, until `free` was called and no job works on them any more.
#[napi]
#[derive(Default)]
pub struct Planes {
    held: Option<Arc<Held>>,
    declined: Option<&'static str>,
    made: Option<Vec<u8>>,
    peak: usize,
}

#[napi]
impl Planes {
    /// 0 where it was declined, or freed.
    #[napi(getter)]
    pub fn bytes(&self) -> f64 {
        self.held.as_ref().map_or(0, |held| held.bytes()) as f64
    }

    #[napi(getter)]
    pub fn peak(&self) -> f64 {
        self.peak as f64
    }

    #[napi(getter)]
    pub fn declined(&self) -> Option<&'static str> {
        self.declined
    }

    /// The look, or what a job made beside. Undefined where none was asked for, or it was taken or declined.
    #[napi]
    pub fn take_made(&mut self) -> Option<Buffer> {
        self.made.take().map(Buffer::from)
    }

    /// The same planes once more: they stay until both are freed.
    #[napi]
    pub fn share(&self) -> Self {
        Self { held: self.held.clone(), ..Self::default() }
    }

    #[napi]
    pub fn free(&mut self) {
        (self.held, self.made) = (None, None);
    }
}

pub struct Holding {
    bytes: Buffer,
    keep: Keep,
    milliseconds: u64,
    look: Option<Asked>,
    flag: Flag,
}

impl Task for Holding {
    type Output = std::result::Result<(Held, Option<Vec<u8>>), Failure>;
    type JsValue = Planes;

    fn compute(&mut self) -> Result<Self::Output> {
        let flag = self.flag.as_atomic();
        let held = crate::hold_within(&self.bytes, &self.keep, flag, self.milliseconds, Kernels::best());
        let looked = |held: &Held| self.look.as_ref().and_then(|look| look.run(Source::Glance(held), flag).ok());
        Ok(held.map(|held| {
            let look = looked(&held).map(|done| done.body);
            (held, look)
        }))
    }

    fn resolve(&mut self, _: Env, output: Self::Output) -> Result<Planes> {
        Ok(match output {
            Ok((held, made)) => Planes { held: Some(Arc::new(held)), made, ..Planes::default() },
            Err(failure) => Planes { declined: Some(failure.word()), ..Planes::default() },
        })
    }
}

pub struct Keeping(Work);

impl Task for Keeping {
    type Output = std::result::Result<Done, Failure>;
    type JsValue = Planes;

    fn compute(&mut self) -> Result<Self::Output> {
        Ok(self.0.run())
    }

    fn resolve(&mut self, _: Env, output: Self::Output) -> Result<Planes> {
        Ok(match output {
            Ok(Done { body, held, peak, .. }) => {
                Planes { held: held.map(Arc::new), made: Some(body), peak, ..Planes::default() }
            }
            Err(failure) => Planes { declined: Some(failure.word()), ..Planes::default() },
        })
    }
}

#[napi]
pub fn hold(bytes: Buffer, hold: NodeHold, stop: &Stop) -> Result<AsyncTask<Holding>> {
    let keep = Keep {
        stored: (hold.stored_width, hold.stored_height),
        eighths: hold.eighths,
        glance: hold.glance as usize,
        most: hold.most_bytes.max(0.0) as usize,
    };
    let look = hold.look.as_ref().map(Asked::of).transpose()?;
    let milliseconds = u64::from(hold.milliseconds);
    Ok(AsyncTask::new(Holding { bytes, keep, milliseconds, look, flag: stop.0.clone() }))
}

impl Planes {
    fn given(&self) -> Result<Given> {
        let held = self.held.clone().ok_or_else(|| Error::new(Status::InvalidArg, "these planes were freed"))?;
        Ok(Given::Held(held))
    }
}

#[napi]
pub fn render_held(planes: &Planes, job: NodeJob, stop: &Stop) -> Result<AsyncTask<Work>> {
    Ok(AsyncTask::new(Work::new(planes.given()?, Asked::of(&job)?, stop)))
}

#[napi]
pub fn keep(bytes: Buffer, job: NodeJob, stop: &Stop) -> Result<AsyncTask<Keeping>> {
    Ok(AsyncTask::new(Keeping(Work::new(Given::File(bytes), Asked::of(&job)?.keeping(), stop))))
}

#[napi]
pub fn keep_held(planes: &Planes, job: NodeJob, stop: &Stop) -> Result<AsyncTask<Keeping>> {
    Ok(AsyncTask::new(Keeping(Work::new(planes.given()?, Asked::of(&job)?.keeping(), stop))))
}
