/// What engine and system do, measured and broken. Each load test is a [io.tidegrad.loadtests.LoadTest]: brokers and
/// registry run as processes, then it starts trainers and scorers ([io.tidegrad.loadtests.Processes]), lets events and
/// questions come (`EventLog`, `PacedEvents`, [io.tidegrad.loadtests.Asker]), waits with a bound
/// ([io.tidegrad.loadtests.Await]), measures, and returns what to print: a text for people or lines of JSON.
@NullMarked
package io.tidegrad.loadtests;

import org.jspecify.annotations.NullMarked;
