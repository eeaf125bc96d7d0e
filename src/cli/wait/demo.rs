//! `opwatch wait --demo`: the real command against local stand-ins, at sixty times the real speed.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use crate::fakes::{End, Options as WorldOptions, Plan, World};
use crate::follow::{Drawn, Exit, Means, Options, Output, Printed, Signals, Stage, follow};
use crate::google::{Google, Tokens};
use crate::net::endpoints::{Endpoint, Endpoints};
use crate::net::transport::Transport;
use crate::services::{Operation, Service};
use crate::terminal;

/// Ten seconds are ten minutes.
const SPEED: u32 = 60;
/// How often the time of the stand-ins is put forward.
const STEP: Duration = Duration::from_millis(50);

const EXPORT: &str = "projects/demo/operations/ASA1MTAwNDQxNAgadGx1YWZlZAcSMXRzYWUtc2Ft";
const FAILING: &str = "projects/demo/databases/orders/operations/AyAyMDI2LTExLTI4";
const COUNTLESS: &str = "projects/demo/databases/(default)/operations/ASAxMDU0Nzg1NzE5";

/// Plays it: one export with an estimate, one that fails, one that does not say how far it is.
pub(super) async fn play(network: &Arc<dyn Transport>, options: Options) -> ExitCode {
    match start(network, options).await {
        Ok(exit) => {
            terminal::error(format_args!(
                "opwatch: the demo is over; outside of it the exit status is {}",
                exit.code()
            ));
            if exit == Exit::Interrupted { exit.into() } else { ExitCode::SUCCESS }
        }
        Err(error) => {
            terminal::error(format_args!("opwatch: the demo could not start: {error}"));
            ExitCode::FAILURE
        }
    }
}

async fn start(network: &Arc<dyn Transport>, options: Options) -> std::io::Result<Exit> {
    let world = World::start(WorldOptions::default()).await?;
    let mut signals = Signals::take()?;
    let operations = prepare(&world);
    let mut endpoints = Endpoints::default();
    endpoints.replace_operations(Endpoint { base: world.operations.url(), loopback: true });
    let google = Google::new(Arc::clone(network), Tokens::new(None), endpoints);
    let mut stage: Box<dyn Stage> =
        if options.output == Output::Screen { Box::new(Drawn::default()) } else { Box::new(Printed) };
    let means = Means {
        google: Arc::new(google),
        clock: &world.time,
        speed: SPEED,
        interruptions: &mut signals,
        stage: &mut *stage,
        notifier: None,
    };
    let exit = tokio::select! {
        exit = follow(means, operations, options) => exit,
        () = put_time_forward(&world) => Exit::Interrupted,
    };
    world.stop().await;
    Ok(exit)
}

/// The operations, which start now.
fn prepare(world: &World) -> Vec<Operation> {
    let minutes = |minutes: u64| Plan { duration: Duration::from_secs(60 * minutes), ..Plan::default() };
    let failure =
        End::Failed { code: 7, message: "The bucket gs://backups denies storage.objects.create.".to_owned() };
    let plans = [
        (Service::DATASTORE, EXPORT, Plan { entities: 1_234_567, bytes: 9_876_543_210, ..minutes(9) }),
        (Service::FIRESTORE, FAILING, Plan { end: failure, ..minutes(5) }),
        (Service::FIRESTORE, COUNTLESS, Plan { estimate: false, ..minutes(7) }),
    ];
    let add = |(service, name, plan)| {
        world.operations.add(name, plan);
        Operation::new(service, name).ok()
    };
    plans.into_iter().filter_map(add).collect()
}

async fn put_time_forward(world: &World) {
    loop {
        tokio::time::sleep(STEP).await;
        world.time.advance(STEP * (SPEED - 1));
    }
}
