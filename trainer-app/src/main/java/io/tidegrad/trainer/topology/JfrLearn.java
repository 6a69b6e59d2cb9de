package io.tidegrad.trainer.topology;

import jdk.jfr.Category;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/// An event of Java Flight Recorder: a poll's records of a model's log were folded into the model.
@Name("tidegrad.Learn")
@Label("Learn")
@Description("Records of the log were learned, ticked or rejected")
@Category("Tidegrad")
@StackTrace(false)
final class JfrLearn extends Event {
    @Label("Model")
    String model = "";

    @Label("Records")
    int records;

    @Label("Offset after the last record")
    long nextOffset;
}
