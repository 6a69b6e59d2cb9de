package io.tidegrad.loadtests;

import io.tidegrad.localstack.Json;
import io.tidegrad.localstack.LocalStack;
import io.tidegrad.localstack.RunDirectory;
import io.tidegrad.localstack.streams.ShippedStream;
import io.tidegrad.localstack.streams.StreamEvent;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/// Events a second through the trainer when every event is malformed, beside the same stream unharmed: nobody who sends
/// rubbish may slow down the others by more than half. Two topics are full before anything is measured; a life of the
/// real trainer on each in turns, in the window of `TrainerRun`.
public final class PoisonLoad extends LoadTest {
    private static final int MINI_BATCH = 1;

    private final ShippedStream stream;
    private final long events;
    private final int repetitions;
    private final boolean json;

    /// @param events in each topic; 0: as many as about 10 s of training are
    /// @param json one line of JSON instead of one for people
    public PoisonLoad(ShippedStream stream, int repetitions, long events, boolean json, PrintStream out,
            PrintStream progress) {
        super(out, progress);
        this.stream = stream;
        this.repetitions = TrainLoadOptions.checkedRepetitions(repetitions);
        this.events = TrainLoadOptions.eventsOf(stream, events);
        this.json = json;
    }

    @Override
    protected String measure(LocalStack stack, RunDirectory directory) throws InterruptedException {
        say("%s: filling two topics with %,d events each", stream.label(), events);
        List<StreamEvent> shipped = stream.read();
        List<EventLog> logs = List.of(EventLog.fill(stack, stream, shipped, events),
                EventLog.fillMalformed(stack, stream, shipped, events));
        List<Measurement> good = new ArrayList<>();
        List<Measurement> malformed = new ArrayList<>();
        for (int repetition = 1; repetition <= repetitions; repetition++) {
            for (EventLog log : logs) {
                String kind = log.malformed() ? "malformed" : "good";
                String model = stream.label() + "-" + kind + "-" + repetition;
                Path files = directory.logs().resolve(model);
                Measurement measurement = new TrainerRun(stack, log, model)
                        .measure(log.writeSpec(model, MINI_BATCH, files), files, childFlags());
                (log.malformed() ? malformed : good).add(measurement);
                say("%s, %s %d: %,.0f events/s in %.1f s", stream.label(), kind, repetition,
                        measurement.eventsPerSecond(), measurement.seconds());
            }
        }
        return json ? json(good, malformed) : text(good, malformed);
    }

    private String text(List<Measurement> good, List<Measurement> malformed) {
        Spread shares = Spread.of(shares(good, malformed));
        return String.format(Locale.ROOT,
                "%s, events/s, median (range)   good %s   malformed %s   malformed / good %s%n", stream.label(),
                Spread.of(values(good)).text("%,.0f"), Spread.of(values(malformed)).text("%,.0f"), shares.text("%.2f"));
    }

    private static double[] values(List<Measurement> all) {
        return all.stream().mapToDouble(Measurement::eventsPerSecond).toArray();
    }

    private static double[] shares(List<Measurement> good, List<Measurement> malformed) {
        double[] shares = new double[good.size()];
        for (int repetition = 0; repetition < shares.length; repetition++) {
            shares[repetition] = malformed.get(repetition).eventsPerSecond() / good.get(repetition).eventsPerSecond();
        }
        return shares;
    }

    private String json(List<Measurement> good, List<Measurement> malformed) {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("stream", stream.label());
        line.put("events", events);
        line.put("good_events_per_s_all", values(good));
        line.put("malformed_events_per_s_all", values(malformed));
        double[] shares = shares(good, malformed);
        line.put("malformed_to_good", Spread.of(shares).median());
        line.put("malformed_to_good_all", shares);
        return Json.write(line) + "\n";
    }
}
