package io.tidegrad.trainer.publish;

import jdk.jfr.Category;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/// An event of Java Flight Recorder: a version was cut from the model and begins to be published. Its duration is what
/// learning waited for.
@Name("tidegrad.Publish")
@Label("Publish")
@Description("A version was cut from the model and begins to be published")
@Category("Tidegrad")
@StackTrace(false)
final class JfrPublish extends Event {
    @Label("Model")
    String model = "";

    @Label("Epoch")
    int epoch;

    @Label("Version")
    long version;

    @Label("Delta")
    boolean delta;

    @Label("Bytes")
    long bytes;

    @Label("Next offset of the log")
    long nextOffset;
}
