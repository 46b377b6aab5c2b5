//! The border to Node for pictures that are decoded once and kept.

use std::sync::Arc;

use napi::bindgen_prelude::{AsyncTask, Buffer};
use napi::{Env, Error, Result, Status, Task};
use napi_derive::napi;

use crate::node::{Asked, Given, NodeJob, Stop, Work};
use crate::{Failure, Flag, Held, Keep, Kernels, Source};

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
pub struct Planes {
    held: Option<Arc<Held>>,
    declined: Option<&'static str>,
    look: Option<Vec<u8>>,
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

    /// Undefined where none was asked for, or it was taken or declined.
    #[napi]
    pub fn take_look(&mut self) -> Option<Buffer> {
        self.look.take().map(Buffer::from)
    }

    #[napi]
    pub fn free(&mut self) {
        (self.held, self.look) = (None, None);
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
            Ok((held, look)) => Planes { held: Some(Arc::new(held)), declined: None, look },
            Err(failure) => Planes { held: None, declined: Some(failure.word()), look: None },
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

#[napi]
pub fn render_held(planes: &Planes, job: NodeJob, stop: &Stop) -> Result<AsyncTask<Work>> {
    let held =
        planes.held.clone().ok_or_else(|| Error::new(Status::InvalidArg, "renderHeld: these planes were freed"))?;
    Ok(AsyncTask::new(Work::new(Given::Held(held), Asked::of(&job)?, stop)))
}
