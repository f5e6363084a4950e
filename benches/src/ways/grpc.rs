//! gRPC: a Python server in a separate process, and a Rust client.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use tokio::runtime::{Builder, Runtime};
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint};
use tonic_prost::ProstCodec;

use super::{Run, Task, timed};

// The article's messages, declared here so that no protoc is needed; server.py declares the same.

#[derive(Clone, Copy, PartialEq, prost::Message)]
struct Timestamp {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Metric {
    #[prost(message, optional, tag = "1")]
    time: Option<Timestamp>,
    #[prost(string, tag = "2")]
    name: String,
    #[prost(double, tag = "3")]
    value: f64,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Request {
    #[prost(message, repeated, tag = "1")]
    metrics: Vec<Metric>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Response {
    #[prost(int64, repeated, tag = "1")]
    indices: Vec<i64>,
}

pub struct Grpc {
    runtime: Runtime,
    client: tonic::client::Grpc<Channel>,
    server: Child,
}

impl Grpc {
    pub fn new() -> Result<Self> {
        let mut server = Command::new(pyoutliers::interpreter::choice()?.python)
            .args(["-B", concat!(env!("CARGO_MANIFEST_DIR"), "/server.py")])
            .stdin(Stdio::piped()) // closed when this process ends, and then the server ends too
            .stdout(Stdio::piped())
            .spawn()
            .context("the gRPC server")?;
        let mut port = String::new();
        let output = server.stdout.take().context("the server's output")?;
        BufReader::new(output).read_line(&mut port)?;
        let endpoint = Endpoint::from_shared(format!("http://127.0.0.1:{}", port.trim()))?;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let channel = runtime
            .block_on(endpoint.connect())
            .context("the gRPC server does not answer")?;
        let client = tonic::client::Grpc::new(channel)
            .max_encoding_message_size(usize::MAX)
            .max_decoding_message_size(usize::MAX);
        Ok(Self {
            runtime,
            client,
            server,
        })
    }
}

impl Drop for Grpc {
    fn drop(&mut self) {
        drop(self.server.stdin.take());
        // It ends by itself now. An error here could not be reported any more.
        let _ = self.server.wait();
    }
}

impl Run for Grpc {
    fn time(&mut self, task: &Task<'_>) -> Result<Duration> {
        let Self {
            runtime, client, ..
        } = self;
        timed(task, |data| {
            let request = tonic::Request::new(request(data)?);
            let path = PathAndQuery::from_static("/outliers.Outliers/Detect");
            let response = runtime.block_on(async {
                client.ready().await?;
                let codec = ProstCodec::<Request, Response>::default();
                Ok::<_, anyhow::Error>(client.unary(request, path, codec).await?)
            })?;
            Ok(response.into_inner().indices)
        })
    }
}

/// Makes the request from the slice, as the other ways make the list.
fn request(data: &[f64]) -> Result<Request> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let time = Timestamp {
        seconds: now.as_secs().try_into()?,
        nanos: now.subsec_nanos().try_into()?,
    };
    let metric = |&value| Metric {
        time: Some(time),
        name: "CPU".into(),
        value,
    };
    Ok(Request {
        metrics: data.iter().map(metric).collect(),
    })
}
