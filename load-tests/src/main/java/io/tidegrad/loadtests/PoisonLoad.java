package io.tidegrad.loadtests;

import io.tidegrad.localstack.streams.ShippedStream;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.List;

/// Events a second through the trainer when every event is malformed, beside the same stream unharmed: nobody who sends
/// rubbish may slow down the others by more than half. Two topics are full before anything is measured, and the real
/// trainer takes each of them in turns, in the window of `TrainerRun`.
public final class PoisonLoad extends LoadTest {
    private static final int MINI_BATCH = 1;

    private final TrainStream stream;
    private final long events;
    private final int repetitions;

    /// @param events in each topic; 0: as many as about 10 s of training are
    public PoisonLoad(ShippedStream stream, int repetitions, long events, boolean json, PrintStream out,
            PrintStream progress) {
        super(json, out, progress);
        this.stream = TrainStream.of(stream);
        this.repetitions = TrainLoad.checkedRepetitions(repetitions);
        this.events = TrainLoad.eventsOf(this.stream, events);
    }

    @Override
    protected String measure() throws InterruptedException {
        say("%s: filling two topics with %,d events each", stream.label(), events);
        EventLog good = EventLog.fill(lab(), stream, events);
        EventLog malformed = EventLog.fillMalformed(lab(), stream, events);
        double[] goodRates = new double[repetitions];
        double[] malformedRates = new double[repetitions];
        double[] shares = new double[repetitions];
        for (int i = 0; i < repetitions; i++) {
            goodRates[i] = rate(good, "good-" + i);
            malformedRates[i] = rate(malformed, "malformed-" + i);
            shares[i] = malformedRates[i] / goodRates[i];
        }
        return text(List.of(
                new Result().put("stream", stream.label()).put("events", events).put("good_events_per_s_all", goodRates)
                        .put("malformed_events_per_s_all", malformedRates).samples("malformed_to_good", shares)));
    }

    private double rate(EventLog log, String name) throws InterruptedException {
        String model = stream.label() + "-" + name;
        Path files = lab().logs().resolve(model);
        Measurement measured =
                new TrainerRun(lab(), log, model).measure(log.writeSpec(model, MINI_BATCH, files), files, childFlags());
        say("%s: %,.0f events/s in %.1f s", model, measured.eventsPerSecond(), measured.seconds());
        return measured.eventsPerSecond();
    }
}
