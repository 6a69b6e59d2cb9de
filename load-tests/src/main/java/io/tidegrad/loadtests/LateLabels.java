package io.tidegrad.loadtests;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.model.Predictor;
import io.tidegrad.joiner.join.Entry;
import io.tidegrad.joiner.join.EventRecord;
import io.tidegrad.joiner.join.EventRecord.CarriedHeader;
import io.tidegrad.joiner.join.EventRecord.Content;
import io.tidegrad.joiner.join.JoinOutput;
import io.tidegrad.joiner.join.LabelJoin;
import io.tidegrad.joiner.join.LabelRecord;
import io.tidegrad.joiner.join.Position;
import io.tidegrad.localstack.streams.Flight;
import io.tidegrad.localstack.streams.ShippedStream;
import io.tidegrad.model.feature.Featurizer;
import io.tidegrad.model.feature.MapEvent;
import io.tidegrad.model.feature.Row;
import io.tidegrad.model.learn.EventFold;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.model.stream.Example;
import io.tidegrad.model.stream.StreamSpec;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.regex.Matcher;
import java.util.stream.IntStream;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.jspecify.annotations.Nullable;

/// Compares what can be done about labels that come hours after their events, by the log loss as served: of what the model
/// said when the event came. Joiner and trainer run in this process as plain functions, in the order of event time, so that
/// nothing but the policy differs between two runs; Kafka is left out.
///
/// Labels come after an exponential delay of some mean, of positives of twice that, at most 48 hours.
public final class LateLabels {
    private static final Duration LATEST = Duration.ofHours(48);
    private static final Duration SHORT_WAIT = Duration.ofHours(1);

    /// What comes before is learned, but not counted. It is longer than any delay, and than an ad lives.
    private static final Duration WARM_UP = Duration.ofDays(5);

    private static final Duration[] MEANS =
            {Duration.ofHours(2), Duration.ofHours(6), Duration.ofHours(12), Duration.ofHours(24)};

    /// What a stream and a model do about late labels.
    private enum Policy {
        WAIT_FOR_ALL(LATEST, "relearn"), RELEARN(SHORT_WAIT, "relearn"), FNW(SHORT_WAIT, "fnw"),
        IGNORE(SHORT_WAIT, "ignore");

        private final Duration wait;
        private final String lateLabels;

        Policy(Duration wait, String lateLabels) {
            this.wait = wait;
            this.lateLabels = lateLabels;
        }

        String label() {
            return name().toLowerCase(Locale.ROOT).replace('_', '-');
        }
    }

    /// An event with its true label.
    private record Labeled(long time, MapEvent event, boolean label) {
    }

    /// Events in the order of their time.
    ///
    /// @param spec of the model, without what it says of late labels
    /// @param tellsNegatives whether a label comes for a negative too; false: that none came is all that is known of it
    private record Events(String name, String spec, List<Labeled> all, boolean tellsNegatives) {
    }

    /// @param logLoss of what was said when the events came
    /// @param meanPrediction likewise
    /// @param labelRate of the same events
    /// @param lateShare share of the positives whose label came after the wait
    private record Served(double logLoss, double meanPrediction, double labelRate, double lateShare) {
    }

    private final int events;
    private final int repetitions;
    private final @Nullable String optimizer;

    /// @param events of each stream, at most as many as there are flights
    /// @param repetitions each with delays of its own
    /// @param optimizer of the model of flights, as in a spec; null: the one that ships
    public LateLabels(int events, int repetitions, @Nullable String optimizer) {
        int most = ShippedStream.FLIGHTS.rows();
        if (events < 1_000 || events > most || repetitions < 1) {
            throw new IllegalArgumentException(
                    "expected 1000 to " + most + " events and a repetition; found " + events + ", " + repetitions);
        }
        this.events = events;
        this.repetitions = repetitions;
        this.optimizer = optimizer;
    }

    /// Returns a result for each stream, delay and policy.
    public List<Result> run() {
        List<Result> results = new ArrayList<>();
        for (Events stream : List.of(clicks(events), flights(events, optimizer))) {
            for (Duration mean : MEANS) {
                for (Policy policy : Policy.values()) {
                    results.add(result(stream, mean, policy));
                }
            }
        }
        return results;
    }

    private Result result(Events stream, Duration mean, Policy policy) {
        double[] losses = new double[repetitions];
        double[] ratios = new double[repetitions];
        double[] late = new double[repetitions];
        double rate = Double.NaN;
        for (int i = 0; i < repetitions; i++) {
            Served served = new Run(stream, mean, policy, i).served();
            losses[i] = served.logLoss();
            ratios[i] = served.meanPrediction() / served.labelRate();
            late[i] = served.lateShare();
            rate = served.labelRate();
        }
        return new Result().put("what", stream.name()).put("mean_delay_h", mean.toHours()).put("policy", policy.label())
                .samples("log_loss", losses)
                .put("prior_log_loss", -rate * Math.log(rate) - (1 - rate) * Math.log1p(-rate))
                .samples("mean_prediction_to_label_rate", ratios).samples("late_share_of_positives", late);
    }

    /// The flights that ship, each with whether it came late: a label of either kind comes.
    private static Events flights(int count, @Nullable String optimizer) {
        String spec = ShippedStream.FLIGHTS.spec().replaceFirst("input: .*", "input: { stream: late }")
                .replaceFirst("label: .*", "");
        if (optimizer != null) {
            spec = spec.replaceFirst("optimizer: .*", Matcher.quoteReplacement("optimizer: { " + optimizer + " }"));
        }
        List<Labeled> flights = ShippedStream.FLIGHTS.read().stream().map(Flight.class::cast)
                .map(flight -> new Labeled(flight.departed(),
                        new MapEvent(Map.of("departed", Instant.ofEpochMilli(flight.departed()), "distance",
                                flight.distance(), "origin", flight.origin(), "destination", flight.destination())),
                        flight.late()))
                .toList();
        // All three weeks, however few events: each of equally many parts gives its first one.
        return new Events("flights", spec, IntStream.range(0, count)
                .mapToObj(i -> flights.get((int) ((long) i * flights.size() / count))).toList(), true);
    }

    /// Made-up impressions of three weeks: 300 ads at a time, each for three days, so that whoever learns two days late has
    /// seen little of most of them. Nothing tells that somebody did not click.
    private static Events clicks(int count) {
        SplittableRandom random = new SplittableRandom(7);
        long start = Instant.parse("2026-01-05T00:00:00Z").toEpochMilli();
        long span = Duration.ofDays(21).toMillis();
        int ads = 300;
        long life = Duration.ofDays(3).toMillis();
        long[] times = random.longs(count, 0, span).sorted().toArray();
        double[] sites = IntStream.range(0, 50).mapToDouble(unused -> 0.5 * random.nextGaussian()).toArray();
        double[] users = IntStream.range(0, 2_000).mapToDouble(unused -> 0.5 * random.nextGaussian()).toArray();
        double[] adsEver = IntStream.range(0, (int) (ads * (span / life + 2)))
                .mapToDouble(unused -> 1.5 * random.nextGaussian()).toArray();
        List<Labeled> impressions = new ArrayList<>(count);
        for (long time : times) {
            int place = random.nextInt(ads);
            // Places change their ads one after the other.
            int ad = place + ads * (int) ((time + place * life / ads) / life);
            int site = random.nextInt(sites.length);
            int user = random.nextInt(users.length);
            double logit = -4 + adsEver[ad] + sites[site] + users[user];
            boolean clicked = random.nextDouble() < 1 / (1 + Math.exp(-logit));
            impressions.add(new Labeled(start + time,
                    new MapEvent(Map.of("ad", "ad-" + ad, "site", "site-" + site, "user", "user-" + user)), clicked));
        }
        return new Events("clicks", """
                model: clicks
                input: { stream: late }
                features:
                  - category: { field: ad, buckets: 16384, dimension: 4 }
                  - category: { field: site, buckets: 512, dimension: 4 }
                  - category: { field: user, buckets: 16384, dimension: 4 }
                network: [ dense: 1 ]
                loss: binary-cross-entropy
                optimizer: { adagrad: { rate: 0.05 } }
                """, impressions, false);
    }

    /// One model, from the first event to the last.
    private static final class Run implements JoinOutput {
        private final Events stream;
        private final EventFold fold;
        private final LabelJoin join;
        private final Policy policy;
        private final long[] labeledAt; // the largest number: never
        private final int[] labels; // events that get a label, in the order in which it comes
        private final @Nullable Entry[] entries;
        private int waiting; // all events before this one wait no more
        private int nextLabel;
        private int lateCount;

        Run(Events stream, Duration mean, Policy policy, int seed) {
            this.stream = stream;
            this.policy = policy;
            List<Labeled> all = stream.all();
            ModelSpec spec =
                    ModelSpec.parse(stream.spec() + "\nlate-labels: " + policy.lateLabels + "\n", stream.name());
            fold = new EventFold(spec, OnlineModel.initial(spec, Kernels.active()),
                    index -> all.get(ByteBuffer.wrap(index).getInt()).event());
            join = new LabelJoin(StreamSpec.parse("""
                    stream: late
                    events: { topic: events, key: id, event-time: time }
                    labels: { topic: labels, key: id, value: label, event-time: time }
                    join: { wait: %s, missing: 0, window: P30D }
                    """.formatted(policy.wait), "late"));
            SplittableRandom random = new SplittableRandom(seed);
            labeledAt = new long[all.size()];
            for (int i = 0; i < labeledAt.length; i++) {
                boolean positive = all.get(i).label();
                long delay = delay(positive ? mean.multipliedBy(2) : mean, random);
                labeledAt[i] = positive || stream.tellsNegatives() ? all.get(i).time() + delay : Long.MAX_VALUE;
            }
            labels = IntStream.range(0, labeledAt.length).boxed()
                    .sorted(Comparator.comparingLong(event -> labeledAt[event])).mapToInt(Integer::intValue).toArray();
            entries = new Entry[all.size()];
        }

        private static long delay(Duration mean, SplittableRandom random) {
            double most = LATEST.toMillis();
            double share = -Math.expm1(-most / mean.toMillis()); // of delays that are not longer
            return (long) (-mean.toMillis() * Math.log1p(-random.nextDouble() * share));
        }

        Served served() {
            ModelSpec spec = fold.model().spec();
            Featurizer featurizer = new Featurizer(spec);
            Row row = featurizer.newRow();
            Predictor predictor = new Predictor(fold.model().parameters().plan(), Kernels.active(), 1);
            float[] said = new float[1];
            List<Labeled> all = stream.all();
            long countFrom = all.getFirst().time() + WARM_UP.toMillis();
            double loss = 0;
            double sum = 0;
            int positives = 0;
            int count = 0;
            for (int i = 0; i < all.size(); i++) {
                Labeled event = all.get(i);
                labelsUntil(event.time());
                if (event.time() >= countFrom) {
                    require(featurizer.featurizeForScoring(event.event(), row));
                    predictor.predict(fold.model().parameters(), row.numbers, row.ids, said);
                    double p = Math.clamp(said[0], 1e-7, 1 - 1e-7);
                    loss -= event.label() ? Math.log(p) : Math.log1p(-p);
                    sum += p;
                    count++;
                    positives += event.label() ? 1 : 0;
                    lateCount += event.label() && labeledAt[i] > event.time() + policy.wait.toMillis() ? 1 : 0;
                }
                endWaits(event.time());
                Position at = new Position(0, i);
                entries[i] = join.event(Integer.toString(i), null,
                        new EventRecord(event.time(), at, 1, new Content(bytes(i), new CarriedHeader[0])), event.time(),
                        this);
            }
            return new Served(loss / count, sum / count, (double) positives / count, (double) lateCount / positives);
        }

        private void labelsUntil(long time) {
            for (; nextLabel < labels.length && labeledAt[labels[nextLabel]] <= time; nextLabel++) {
                int event = labels[nextLabel];
                long now = labeledAt[event];
                endWaits(now);
                LabelRecord label = new LabelRecord(now, new Position(0, nextLabel),
                        stream.all().get(event).label() ? "1" : "0", null, null);
                entries[event] = join.label(Integer.toString(event), entries[event], label, now, this);
            }
        }

        /// Events wait in the order of their time.
        private void endWaits(long now) {
            for (; waiting < entries.length; waiting++) {
                Entry entry = entries[waiting];
                if (entry == null || now <= stream.all().get(waiting).time() + policy.wait.toMillis()) {
                    return;
                }
                entries[waiting] = join.expire(Integer.toString(waiting), entry, now, this);
            }
        }

        private static byte[] bytes(int index) {
            return ByteBuffer.allocate(Integer.BYTES).putInt(index).array();
        }

        private static void require(@Nullable Object rejection) {
            if (rejection != null) {
                throw new LoadTestException(rejection.toString());
            }
        }

        @Override
        public void example(String id, Example example, @Nullable Content content) {
            RecordHeaders headers = new RecordHeaders();
            example.writeTo(headers);
            require(fold.fold(bytes(Integer.parseInt(id)), headers) instanceof EventFold.Outcome.Rejected rejected
                    ? rejected : null);
        }

        @Override
        public void refuse(Reason reason, String detail) {
            throw new LoadTestException(detail);
        }

        @Override
        public void orphan(LabelRecord label, String detail) {
            throw new LoadTestException(detail);
        }

        @Override
        public void count(Counted what) {
            // What becomes no example is not measured here.
        }
    }
}
