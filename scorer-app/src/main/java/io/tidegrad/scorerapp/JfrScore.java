package io.tidegrad.scorerapp;

import jdk.jfr.Category;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/// An event of Java Flight Recorder: a request over HTTP or gRPC was answered or refused, or a model scored the requests of a
/// poll of the requests topic.
@Name("tidegrad.Score")
@Label("Score")
@Description("A request was answered or refused, or requests of a topic were scored")
@Category("Tidegrad")
@StackTrace(false)
public final class JfrScore extends Event {
    @Label("Name that was asked")
    public String model = "";

    @Label("Records")
    public int records;

    @Label("HTTP status of the answer")
    public int status;
}
