package io.tidegrad.scorer;

import jdk.jfr.Category;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/// An event of Java Flight Recorder: a version was checked, and is served or refused.
@Name("tidegrad.Admit")
@Label("Admit")
@Description("A version was checked, and is served or refused")
@Category("Tidegrad")
@StackTrace(false)
final class JfrAdmit extends Event {
    @Label("Model")
    String model = "";

    @Label("Epoch")
    int epoch;

    @Label("Version")
    long version;

    @Label("Reason for which it is refused")
    String refused = "";
}
