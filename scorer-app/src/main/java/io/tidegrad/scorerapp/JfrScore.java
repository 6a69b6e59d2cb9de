package io.tidegrad.scorerapp;

import jdk.jfr.Category;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/// An event of Java Flight Recorder: a request over HTTP or gRPC was answered or refused.
@Name("tidegrad.Score")
@Label("Score")
@Description("A request was answered or refused")
@Category("Tidegrad")
@StackTrace(false)
final class JfrScore extends Event {
    @Label("Name that was asked")
    String model = "";

    @Label("Records")
    int records;

    @Label("HTTP status of the answer")
    int status;
}
