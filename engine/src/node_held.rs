//! The border to Node for pictures that are decoded once and kept.

use std::sync::Arc;

use napi::bindgen_prelude::{AsyncTask, Buffer};
use napi::{Env, Error, Result, Status, Task};
use napi_derive::napi;

use crate::node::{Given, NodeJob, Stop, Work, work};
use crate::{Failure, Flag, Held, Keep, Kernels};

/// See src/render/engine/engine.ts for what the fields mean.
#[napi(object)]
pub struct NodeHold {
    pub stored_width: u32,
    pub stored_height: u32,
    pub eighths: u32,
    pub glance: u32,
    pub most_bytes: f64,
    pub milliseconds: u32,
}

/// Planes outside V8's heap, until `free` was called and no job works on them any more.
#[napi]
pub struct Planes {
    held: Option<Arc<Held>>,
    declined: Option<&'static str>,
}

#[napi]
impl Planes {
    /// 0 where it was declined, or freed.
    #[napi(getter)]
    pub fn bytes(&self) -> f64 {
        self.held.as_ref().map_or(0, |held| held.bytes()) as f64
    }

    #[napi(getter)]
    pub fn declined(&self) -> Option<&'static str> {
        self.declined
    }

    #[napi]
    pub fn free(&mut self) {
        self.held = None;
    }
}

pub struct Holding {
    bytes: Buffer,
    hold: NodeHold,
    flag: Flag,
}

impl Task for Holding {
    type Output = std::result::Result<Held, Failure>;
    type JsValue = Planes;

    fn compute(&mut self) -> Result<Self::Output> {
        let NodeHold { stored_width, stored_height, eighths, glance, most_bytes, milliseconds } = self.hold;
        let stored = (stored_width, stored_height);
        let keep = Keep { stored, eighths, glance: glance as usize, most: most_bytes.max(0.0) as usize };
        Ok(crate::hold_within(&self.bytes, &keep, self.flag.as_atomic(), u64::from(milliseconds), Kernels::best()))
    }

    fn resolve(&mut self, _: Env, output: Self::Output) -> Result<Planes> {
        Ok(match output {
            Ok(held) => Planes { held: Some(Arc::new(held)), declined: None },
            Err(failure) => Planes { held: None, declined: Some(failure.word()) },
        })
    }
}

#[napi]
pub fn hold(bytes: Buffer, hold: NodeHold, stop: &Stop) -> AsyncTask<Holding> {
    AsyncTask::new(Holding { bytes, hold, flag: stop.0.clone() })
}

#[napi]
pub fn render_held(planes: &Planes, job: NodeJob, stop: &Stop) -> Result<AsyncTask<Work>> {
    let held =
        planes.held.clone().ok_or_else(|| Error::new(Status::InvalidArg, "renderHeld: these planes were freed"))?;
    work(Given::Held(held), &job, stop)
}
