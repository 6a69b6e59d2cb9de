package io.tidegrad.replay.backtest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.kernel.ScalarKernels;
import io.tidegrad.engine.model.Plan;
import io.tidegrad.engine.model.Predictor;
import io.tidegrad.model.feature.Featurizer;
import io.tidegrad.model.feature.MapEvent;
import io.tidegrad.model.feature.Rejection;
import io.tidegrad.model.feature.Row;
import io.tidegrad.model.learn.EventFold;
import io.tidegrad.model.learn.LabelDelay;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.learn.ValueDecoder;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.process.StopException;
import io.tidegrad.proof.LongProof;
import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.trainer.TestLog;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Collectors;
import java.util.zip.GZIPOutputStream;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class BacktestTest {
    private static final int EVENTS = 1_500;
    private static final Kernels KERNELS = new ScalarKernels();
    private static final String SPEC = """
            model: payments
            input: { topic: payments, event-time: at }
            label: { field: fraud }
            weight: { field: value }
            features:
              - number:    { field: amount, scale: standard, missing: indicator }
              - time-part: { field: at, parts: [hour] }
              - category:  { field: country, buckets: 64, dimension: 4 }
              - cross:     { fields: [country, shop], buckets: 256, dimension: 2 }
            network: [ dense: 8, relu, dense: 1 ]
            loss: binary-cross-entropy
            optimizer: { adam: { rate: 0.01 } }
            mini-batch: { size: 1 }
            """;
    private static final Schema AVRO = new Schema.Parser().parse("""
            {"type": "record", "name": "Payment", "fields": [
              {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
              {"name": "amount", "type": ["null", "double"]},
              {"name": "country", "type": "string"},
              {"name": "shop", "type": "string"},
              {"name": "value", "type": "double"},
              {"name": "fraud", "type": "boolean"}]}
            """);

    @TempDir
    private Path folder;

    private record Payment(long at, @Nullable Double amount, String country, String shop, double value, boolean fraud) {
        Map<String, @Nullable Object> fields() {
            Map<String, @Nullable Object> fields = new HashMap<>();
            fields.put("at", at);
            fields.put("amount", amount);
            fields.put("country", country);
            fields.put("shop", shop);
            fields.put("value", value);
            fields.put("fraud", fraud);
            return fields;
        }
    }

    /// Payment number `index`, a minute after the one before or, one in eight, half an hour before it.
    private static Payment payment(int index) {
        SplittableRandom random = new SplittableRandom(index);
        String[] shops = {"a", "b, \"the\" other", "line\nbreak", "ü"};
        String country = List.of("DE", "FR", "US").get(random.nextInt(3));
        Double amount = random.nextInt(9) == 0 ? null : random.nextInt(1, 100_000) / 100.0;
        boolean fraud = random.nextInt(10) < (country.equals("US") ? 6 : 1);
        long late = random.nextInt(8) == 0 ? 30 : 0;
        return new Payment(1_700_000_000_000L + 60_000L * (index - late), amount, country,
                shops[random.nextInt(shops.length)], random.nextInt(1, 4) / 2.0, fraud);
    }

    private static ModelSpec spec(String change, String into) {
        return ModelSpec.parse(SPEC.replace(change, into), "payments.yaml");
    }

    private static String csv(int from, int to) {
        StringBuilder text = new StringBuilder("fraud,shop,amount,country,at,value,unread\r\n");
        for (int i = from; i < to; i++) {
            Payment p = payment(i);
            text.append(p.fraud).append(",\"").append(p.shop.replace("\"", "\"\"")).append("\",")
                    .append(p.amount == null ? "" : p.amount).append(',').append(p.country).append(',')
                    .append(i % 2 == 0 ? p.at : Instant.ofEpochMilli(p.at).toString().replace('T', ' ')).append(',')
                    .append(p.value).append(",x\r\n");
        }
        return text.toString();
    }

    private static String json(int from, int to) {
        StringBuilder text = new StringBuilder();
        for (int i = from; i < to; i++) {
            Payment p = payment(i);
            text.append(String.format(Locale.ROOT,
                    "{\"at\":%d,\"amount\":%s,\"country\":\"%s\",\"shop\":\"%s\",\"value\":%s,\"fraud\":%b}\n", p.at,
                    p.amount, p.country, p.shop.replace("\"", "\\\"").replace("\n", "\\n"), p.value, p.fraud));
        }
        return text.toString();
    }

    private Path file(String name, String text) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        if (name.endsWith(".gz")) {
            try (GZIPOutputStream gzip = new GZIPOutputStream(bytes)) {
                gzip.write(text.getBytes(StandardCharsets.UTF_8));
            }
        } else {
            bytes.writeBytes(text.getBytes(StandardCharsets.UTF_8));
        }
        return Files.write(folder.resolve(name), bytes.toByteArray());
    }

    private static BacktestResult run(Path file, ModelSpec spec, LabelDelay.Length delay, int passes) {
        return new Backtest(file, List.of(new Backtest.Trial("", spec)), delay, passes, Long.MAX_VALUE, KERNELS, 1)
                .run(Backtest.Listener.NONE).getFirst();
    }

    private static BacktestResult run(Path file, ModelSpec spec) {
        return run(file, spec, LabelDelay.Length.NONE, 1);
    }

    /// The fold of trainers, with events as they lie in a topic.
    private static OnlineModel fromRecords(ModelSpec spec, int events) {
        try (SchemaRegistry registry = SchemaRegistry.connect(Map.of("schema.registry.url", "mock://backtest-test"))) {
            AvroCodec codec = new AvroCodec(registry);
            int id = registry.register("payments-value", AVRO);
            OnlineModel model = OnlineModel.initial(spec, KERNELS);
            EventFold fold = new EventFold(spec, model, ValueDecoder.avro(spec, codec));
            for (int i = 0; i < events; i++) {
                GenericData.Record record = new GenericData.Record(AVRO);
                payment(i).fields().forEach(record::put);
                assertThat(fold.fold(codec.encode(id, record), new RecordHeaders()))
                        .isInstanceOf(EventFold.Outcome.Accepted.class);
            }
            return model;
        }
    }

    private static void assertSame(BacktestResult result, OnlineModel model) {
        assertThat(result.weightsHash()).isEqualTo(model.weightsHash());
        assertThat(result.stateHash()).isEqualTo(model.stateHash());
        assertThat(result.evaluation().logLoss()).isEqualTo(model.evaluation().logLoss());
        assertThat(result.evaluation().auc()).isEqualTo(model.evaluation().auc());
    }

    @ParameterizedTest
    @CsvSource({"events.csv, 1", "events.csv.gz, 7", "events.jsonl, 1", "events.jsonl.gz, 7"})
    void aFileGivesTheHashesThatATrainerGetsFromTheSameEventsInATopic(String name, int miniBatch) throws IOException {
        ModelSpec spec = spec("size: 1", "size: " + miniBatch);
        BacktestResult result = run(file(name, name.contains("csv") ? csv(0, EVENTS) : json(0, EVENTS)), spec);
        assertThat(result.rejected()).isZero();
        assertThat(result.learned() + result.pending()).isEqualTo(EVENTS);
        assertSame(result, fromRecords(spec, EVENTS));
    }

    @Test
    void progressIsToldAtPowersOfTwoAndAddsUp() throws IOException {
        ModelSpec spec = spec("", "");
        BacktestResult result = run(file("events.csv", csv(0, EVENTS)), spec);
        assertThat(result.progress()).extracting(ProgressRow::example).containsExactly(1L, 2L, 4L, 8L, 16L, 32L, 64L,
                128L, 256L, 512L, 1024L);
        OnlineModel early = fromRecords(spec, 512);
        OnlineModel later = fromRecords(spec, 1_024);
        double weight = 0;
        double weightEarly = 0;
        for (int i = 0; i < 1_024; i++) {
            weight += payment(i).value;
            weightEarly = i == 511 ? weight : weightEarly;
        }
        ProgressRow last = result.progress().getLast();
        assertThat(last.weight()).isEqualTo(weight);
        assertThat(last.loss()).isCloseTo(later.evaluation().logLoss(), within(1e-12));
        assertThat(last.lossSinceLast())
                .isCloseTo((later.evaluation().logLoss() * weight - early.evaluation().logLoss() * weightEarly)
                        / (weight - weightEarly), within(1e-9));
        assertThat(last.label()).isEqualTo(payment(1_023).fraud ? 1 : 0);
        assertThat(result.curve().windows().getLast().cumulative()).isCloseTo(
                fromRecords(spec, (int) result.curve().windows().getLast().end()).evaluation().logLoss(),
                within(1e-12));
    }

    private static ModelSpec shops(String classes, int miniBatch, int units) {
        return ModelSpec.parse(SPEC.replace("field: fraud", "field: shop, classes: " + classes)
                .replace("  - cross:     { fields: [country, shop], buckets: 256, dimension: 2 }\n", "")
                .replace("binary", "categorical").replace("dense: 1 ]", "dense: " + units + " ]")
                .replace("size: 1", "size: " + miniBatch), "payments.yaml");
    }

    /// Classes that are learned have the bits of a list of their names in the order of learning, although another
    /// thread evaluates; and progress names a class only from the row on that brought it.
    @ParameterizedTest
    @CsvSource({"1, 0, 1", "7, 0, 2", "1, 40, 1", "7, 40, 1"})
    void classesThatAreLearnedAreNamed(int miniBatch, int delay, int passes) throws IOException {
        Path file = file("events.jsonl", json(0, EVENTS));
        LabelDelay.Length length = new LabelDelay.Length(delay, null);
        BacktestResult result = run(file, shops("auto", miniBatch, 4), length, passes);
        assertThat(result.reasons()).as("of the shop with a line break")
                .containsOnlyKeys(Rejection.Reason.INVALID_LABEL);
        assertThat(result.classes()).contains("a", "ü");
        ModelSpec known = shops("[" + result.classes().stream().map(name -> '"' + name.replace("\"", "\\\"") + '"')
                .collect(Collectors.joining(", ")) + "]", miniBatch, result.classes().size());
        ModelSpec open = shops("auto", miniBatch, result.classes().size());
        BacktestResult again = run(file, open, length, passes);
        BacktestResult expected = run(file, known, length, passes);
        assertThat(again.classes()).isEqualTo(expected.classes()).isEqualTo(result.classes());
        assertThat(again.evaluation().logLoss()).isEqualTo(expected.evaluation().logLoss());
        assertThat(again.evaluation().accuracy()).isEqualTo(expected.evaluation().accuracy());
        assertThat(again.progress()).hasSameSizeAs(expected.progress());
        for (int i = 0; i < again.progress().size(); i++) {
            ProgressRow row = again.progress().get(i);
            ProgressRow of = expected.progress().get(i);
            assertThat(row.loss()).isEqualTo(of.loss());
            assertThat(row.labelName()).isEqualTo(of.labelName()).isNotNull();
            assertThat(row.prediction()).isEqualTo(of.prediction());
            assertThat(row.predictionName()).isIn(of.predictionName(), null);
        }
        assertThat(again.progress().getLast().predictionName()).isNotNull();
        assertThat(run(file, open, length, passes).progress()).isEqualTo(again.progress());
    }

    @Test
    void aClassForWhichThereIsNoRoomIsARejectedRow() throws IOException {
        BacktestResult result = run(file("events.jsonl", json(0, EVENTS)), shops("{ auto: 2 }", 7, 2));
        assertThat(result.classes()).hasSize(2);
        assertThat(result.reasons()).containsKey(Rejection.Reason.NO_ROOM_FOR_CLASS);
        assertThat(result.firstRejected()).anySatisfy(each -> assertThat(each.why().detail())
                .startsWith("field 'shop': expected one of the 2 classes ").contains("give a new model more room"));
    }

    @Test
    void theCurveHasWhatTheModelMustBeatInEachWindow() throws IOException {
        ModelSpec spec = spec("", "");
        List<LossCurve.Window> windows = run(file("events.csv", csv(0, EVENTS)), spec).curve().windows();
        int end = (int) windows.getLast().end();
        OnlineModel until = fromRecords(spec, end);
        assertThat(windows.getLast().cumulativePrior()).isCloseTo(until.evaluation().priorLogLoss(), within(1e-12));
        assertThat(windows.getLast().cumulativeLinear()).isCloseTo(until.evaluation().linearLogLoss(), within(1e-12));
        double right = 0;
        double all = 0;
        double likeBefore = 0;
        int from = 0;
        for (LossCurve.Window window : windows) {
            double same = 0;
            double weight = 0;
            for (int i = from; i < window.end(); i++) {
                same += i > 0 && payment(i).fraud == payment(i - 1).fraud ? payment(i).value : 0;
                weight += payment(i).value;
            }
            from = (int) window.end();
            assertThat(window.noChange()).isCloseTo(same / weight, within(1e-9));
            right += window.right() * weight;
            likeBefore += same;
            all += weight;
        }
        assertThat(right / all).isCloseTo(until.evaluation().accuracy(), within(1e-9)).isGreaterThan(likeBefore / all);
    }

    /// Labels follow x, and of half of the kinds they follow -x from event 20,000 on.
    @ParameterizedTest
    @CsvSource(delimiter = '|',
            value = {"mean-squared-error | dense: 1 | 0.001", "categorical-cross-entropy | dense: 3, softmax | 0.005"})
    void aModelOfNumbersAndOfClassesReactsToAChangeOfItsErrorAndToNothingElse(String loss, String output, double rate)
            throws IOException {
        int flip = 20_000;
        boolean numbers = output.equals("dense: 1");
        StringBuilder csv = new StringBuilder("x,kind,y\n");
        SplittableRandom random = new SplittableRandom(3);
        for (int i = 0; i < flip + 6_000; i++) {
            double x = random.nextDouble(-1, 1);
            int kind = random.nextInt(8);
            double of = i >= flip && kind < 4 ? -x : x;
            double y = numbers ? 10 + 3 * of + 0.3 * random.nextGaussian() : of < -0.3 ? 0 : of < 0.3 ? 1 : 2;
            csv.append(x).append(",k").append(kind).append(',').append(numbers ? y : (int) y).append('\n');
        }
        Path file = file("flipped.csv", csv.toString());
        String yaml = """
                model: sides
                input: { topic: sides }
                label: { field: y%s }
                features:
                  - number:   { field: x }
                  - category: { field: kind, buckets: 64, dimension: 2 }
                network: [ dense: 8, relu, %s ]
                loss: %s
                optimizer: { sgd: { rate: %s, momentum: 0.5 } }
                mini-batch: { size: 1 }
                """.formatted(numbers ? "" : ", classes: 3", output, loss, rate);
        List<LossCurve.Window> plain = run(file, ModelSpec.parse(yaml, "sides")).curve().windows();
        List<LossCurve.Window> reacting =
                run(file, ModelSpec.parse(yaml + "on-change: { raise-rate: { by: 5, for: 4000 } }\n", "sides")).curve()
                        .windows();
        int until = (int) plain.stream().filter(window -> window.end() <= flip).count();
        assertThat(reacting.subList(0, until)).isEqualTo(plain.subList(0, until));
        double without = plain.subList(until, plain.size()).stream().mapToDouble(LossCurve.Window::loss).sum();
        double with = reacting.subList(until, plain.size()).stream().mapToDouble(LossCurve.Window::loss).sum();
        assertThat(with).isLessThan(0.9 * without);
    }

    /// Predicts by a model that has learned exactly the rows whose label is known, and learns them in the order in which
    /// labels come.
    private static double[] byHand(ModelSpec spec, int events, @Nullable Duration time, int rows, OnlineModel model) {
        Featurizer featurizer = new Featurizer(spec);
        List<Row> all = new ArrayList<>();
        for (int i = 0; i < events; i++) {
            Row row = featurizer.newRow();
            assertThat(featurizer.featurize(new MapEvent(payment(i).fields()), row)).isNull();
            all.add(row);
        }
        Predictor predictor = new Predictor(Plan.of(spec.network()), KERNELS, 1);
        double[] predicted = new double[events];
        List<Integer> out = new ArrayList<>();
        long clock = Long.MIN_VALUE;
        for (int i = 0; i < events; i++) {
            clock = Math.max(clock, all.get(i).eventTime);
            long now = clock;
            int at = i;
            List<Integer> due = out
                    .stream().filter(
                            j -> time == null ? at - j > rows : all.get(j).eventTime + time.toMillis() <= now)
                    .sorted((a, b) -> time == null ? a - b : all.get(a).eventTime == all.get(b).eventTime ? a - b
                            : Long.compare(all.get(a).eventTime, all.get(b).eventTime))
                    .toList();
            due.forEach(j -> assertThat(model.accept(all.get(j))).isNull());
            out.removeAll(due);
            Row row = all.get(i);
            float[] prediction = new float[1];
            predictor.predict(model.parameters(), row.numbers, row.ids, prediction);
            predicted[i] = prediction[0];
            out.add(i);
        }
        out.stream()
                .sorted((a, b) -> time == null || all.get(a).eventTime == all.get(b).eventTime ? a - b
                        : Long.compare(all.get(a).eventTime, all.get(b).eventTime))
                .forEach(j -> assertThat(model.accept(all.get(j))).isNull());
        return predicted;
    }

    @ParameterizedTest
    @ValueSource(strings = {"1", "40", "PT90M", "PT6H"})
    void aRowIsPredictedWithoutTheLabelsThatAreStillOut(String delay) throws IOException {
        ModelSpec spec = spec("", "");
        Duration time = delay.startsWith("P") ? Duration.parse(delay) : null;
        int rows = time == null ? Integer.parseInt(delay) : 0;
        int events = 400;
        OnlineModel model = OnlineModel.initial(spec, KERNELS);
        double[] predicted = byHand(spec, events, time, rows, model);
        double loss = 0;
        double weight = 0;
        for (int i = 0; i < events; i++) {
            loss -= payment(i).value * Math.log(payment(i).fraud ? predicted[i] : 1 - predicted[i]);
            weight += payment(i).value;
        }
        BacktestResult result = run(file("events.csv", csv(0, events)), spec, new LabelDelay.Length(rows, time), 1);
        assertThat(result.weightsHash()).isEqualTo(model.weightsHash());
        assertThat(result.stateHash()).isEqualTo(model.stateHash());
        assertThat(result.evaluation().logLoss()).isCloseTo(loss / weight, within(1e-5));
        assertThat(result.evaluation().logLoss()).isNotCloseTo(model.evaluation().logLoss(), within(1e-4));
    }

    /// Labels come in runs that are as long as they are late, so a member that follows them is always wrong. By what it would
    /// say when its label comes, having learned that run, it would look best.
    @Test
    void aMixtureJudgesItsMembersByWhatTheySaidWhenTheRowCame() throws IOException {
        StringBuilder csv = new StringBuilder("x,y\n");
        SplittableRandom random = new SplittableRandom(5);
        for (int i = 0; i < 6_000; i++) {
            csv.append(random.nextInt(100)).append(',').append(i / 256 % 2).append('\n');
        }
        ModelSpec spec = ModelSpec.parse("""
                model: runs
                input: { topic: runs }
                label: { field: y }
                features: [ number: { field: x, scale: standard } ]
                recipe: auto
                loss: binary-cross-entropy
                """, "runs");
        BacktestResult late = run(file("runs.csv", csv.toString()), spec, new LabelDelay.Length(256, null), 1);
        assertThat(late.evaluation().logLoss()).isLessThan(1);
    }

    @Test
    void severalPassesLearnTheFileAgainAndOnlyTheFirstIsNew() throws IOException {
        ModelSpec spec = spec("size: 1", "size: 7");
        BacktestResult result = run(file("events.csv", csv(0, 300)), spec, LabelDelay.Length.NONE, 3);
        BacktestResult thrice = run(file("thrice.jsonl", json(0, 300).repeat(3)), spec);
        assertThat(result.weightsHash()).isEqualTo(thrice.weightsHash());
        assertThat(result.stateHash()).isEqualTo(thrice.stateHash());
        assertThat(result.rows()).isEqualTo(900);
        assertThat(result.passes()).hasSize(3);
        assertThat(result.evaluation()).isSameAs(result.passes().getFirst());
        assertThat(result.passes().getLast().logLoss()).isLessThan(result.evaluation().logLoss());
        assertThat(result.evaluation().rows()).isEqualTo(294);
    }

    @Test
    void trialsOfOneReadingLearnAsEachAlone() throws IOException {
        Path file = file("events.csv", csv(0, 500));
        List<ModelSpec> specs = List.of(spec("", ""), spec("0.01", "0.1"), spec("scale: standard, ", ""),
                spec("loss: binary-cross-entropy", "loss: hinge"));
        List<BacktestResult> together =
                new Backtest(file, specs.stream().map(spec -> new Backtest.Trial("", spec)).toList(),
                        LabelDelay.Length.NONE, 1, Long.MAX_VALUE, KERNELS, 1).run(Backtest.Listener.NONE);
        for (int i = 0; i < specs.size(); i++) {
            assertThat(together.get(i).stateHash()).isEqualTo(run(file, specs.get(i)).stateHash());
        }
        assertThat(together).extracting(BacktestResult::stateHash).doesNotHaveDuplicates();
    }

    @LongProof("a large network learns six times")
    @ParameterizedTest
    @CsvSource({"1, 2, true", "2, 0, true", "2, 1, false"})
    void anyNumberOfWorkersGivesTheSameBits(int ofSpec, int ofProcess, boolean isShared) throws IOException {
        Path file = file("events.csv", csv(0, 200));
        ModelSpec large = ModelSpec.parse(
                SPEC.replace("dense: 8, relu", "dense: 512, relu, dense: 512, relu").replace("size: 1", "size: 8")
                        + "learn: { workers: " + ofSpec + " }\n",
                "large.yaml"); // whose steps are long enough to be shared
        // Of so many passes not all are learned when the first is evaluated.
        AtomicLong seen = new AtomicLong();
        BacktestResult shared = new Backtest(file, List.of(new Backtest.Trial("", large)), LabelDelay.Length.NONE, 8,
                Long.MAX_VALUE, KERNELS, ofProcess).run((trial, row) -> seen.addAndGet(TestLog.workers())).getFirst();
        assertThat(shared.stateHash()).isEqualTo(run(file, large, LabelDelay.Length.NONE, 8).stateHash());
        assertThat(seen.get() > 0).isEqualTo(isShared);
    }

    /// DuckDB 2.0 wrote both files from one table, zstd in the first: structs, lists, a map, decimals, times, nulls.
    @ParameterizedTest
    @ValueSource(strings = {"number: { field: amount, missing: indicator }", "category: { field: amount, buckets: 99 }",
        "category: { field: merchant.country, buckets: 64 }", "category: { field: merchant.shop.id, buckets: 64 }",
        "category: { field: merchant.shop.open, buckets: 64 }",
        "categories: { field: \"items[]\", count: 3, buckets: 9, dimension: 2 }",
        "sequence: { field: \"basket[].price\", steps: 2 }",
        "category: { field: \"attributes[channel]\", buckets: 64 }", "number: { field: score }",
        "category: { field: tiny, buckets: 99 }", "time-part: { field: day, parts: [day, month] }",
        "time-part: { field: local_at, parts: [minute-of-day] }",
        "cross: { fields: [{ day: day }, { hour: at }, tiny], buckets: 64 }"})
    void aParquetFileGivesWhatTheSameTableInJsonDoes(String feature) throws Exception {
        ModelSpec spec = ModelSpec.parse("""
                model: nested
                input: { topic: nested, event-time: at }
                label: { field: late }
                features: [ %s ]
                network: [ dense: 4, relu, dense: 1 ]
                loss: binary-cross-entropy
                optimizer: { adam: { rate: 0.01 } }
                """.formatted(feature.contains("categor") && !feature.contains("dimension")
                ? feature.replace(" }", ", dimension: 2 }") : feature), "nested.yaml");
        BacktestResult parquet = run(resource("nested.parquet"), spec);
        assertThat(parquet.learned()).as(parquet.firstRejected().toString()).isEqualTo(40);
        BacktestResult json = run(resource("nested.jsonl"), spec);
        assertThat(json.learned()).as(json.firstRejected().toString()).isEqualTo(40);
        assertThat(parquet.stateHash()).isEqualTo(json.stateHash());
    }

    @Test
    void aCellThatIsCutIntoAListIsTheListInJson() throws IOException {
        String yaml = """
                model: films
                input: { topic: films }
                label: { field: good }
                features: [ bag: { field: genres, count: 3,SPLIT buckets: 64, dimension: 2 } ]
                network: [ dense: 1 ]
                loss: binary-cross-entropy
                optimizer: { adam: { rate: 0.01 } }
                """;
        BacktestResult cells = run(file("films.csv", "genres,good\na|b,1\n7,0\n,1\n[1]|c,0\n"),
                ModelSpec.parse(yaml.replace("SPLIT", " split: \"|\","), "films.yaml"));
        BacktestResult lists = run(file("films.jsonl", """
                {"genres": ["a", "b"], "good": 1}
                {"genres": [7], "good": 0}
                {"genres": [], "good": 1}
                {"genres": ["[1]", "c"], "good": 0}
                """), ModelSpec.parse(yaml.replace("SPLIT", ""), "films.yaml"));
        assertThat(cells.learned()).isEqualTo(4);
        assertThat(cells.evaluation().logLoss()).isEqualTo(lists.evaluation().logLoss());
    }

    private static Path resource(String name) throws Exception {
        return Path.of(Objects.requireNonNull(BacktestTest.class.getResource(name)).toURI());
    }

    @Test
    void rowsThatCantBeLearnedAreCountedByReasonAndShownWithTheirLines() throws IOException {
        BacktestResult result = run(file("events.csv", """
                at,amount,country,shop,value,fraud
                2024-01-01,1,DE,"a
                b",1,0
                2024-01-01,many,DE,a,1,1
                2024-01-01,1,DE,a,1
                2024-01-01,1,DE,a,1,
                2024-01-01,1,DE,a,-1,1
                2024-01-01T07:00:00Z,+1.5e1,,,1,TRUE
                """), spec("", ""));
        assertThat(result.learned()).isEqualTo(2);
        assertThat(result.reasons()).isEqualTo(Map.of(Rejection.Reason.WRONG_TYPE, 2L, Rejection.Reason.MISSING_LABEL,
                1L, Rejection.Reason.INVALID_WEIGHT, 1L));
        assertThat(result.firstRejected())
                .extracting(each -> each.place() + " " + each.why().reason().code() + " " + each.why().detail())
                .containsExactly("4 wrong-type field 'amount': expected a number, found string \"many\"",
                        "5 wrong-type expected 6 cells, as the header has, found 5",
                        "6 missing-label field 'fraud': expected the label, found null",
                        "7 invalid-weight field 'value': expected the event's weight, a number from 0 to 1e15, found"
                                + " number -1");
    }

    @Test
    void aLineThatIsNoObjectInJsonIsOneBadRow() throws IOException {
        BacktestResult result =
                run(file("events.jsonl", json(0, 2) + "\n{\"at\":\n[1]\n" + json(2, 4).strip()), spec("", ""));
        assertThat(result.learned()).isEqualTo(4);
        assertThat(result.reasons()).isEqualTo(Map.of(Rejection.Reason.NOT_JSON, 2L));
        assertThat(result.firstRejected()).extracting(BacktestResult.Rejected::place).containsExactly(4L, 5L);
    }

    @Test
    void linesOfJsonMayBeLongerThanABuffer() throws IOException {
        String shop = "s".repeat(100_000);
        String line = "{\"at\":1,\"amount\":1,\"country\":\"DE\",\"shop\":\"%s\",\"value\":1,\"fraud\":true}\r\n";
        BacktestResult result =
                run(file("events.jsonl", line.formatted(shop).repeat(3) + line.formatted("a")), spec("", ""));
        assertThat(result.learned()).isEqualTo(4);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "events.csv|at,amount\\n1,2\\n|found no column country, shop, fraud, value; its columns are at, amount",
        "events.csv||expected a header with the columns' names, found an empty file",
        "events.csv|at,at\\n|expected names of columns that differ, found 'at' twice",
        "events.csv|at,amount,country,shop,value,fraud\\n1,2,\"a\\n|behind line 1: expected CSV in UTF-8 with quotes as in RFC 4180",
        "events.txt|x|expected a name that ends in .csv, .jsonl or .ndjson", "events.csv.gz|x|expected a readable file",
        "events.parquet|x|expected Parquet"})
    void aFileThatIsNotWhatItsNameSaysIsTold(String name, @Nullable String text, String said) throws IOException {
        Path file = folder.resolve(name);
        Files.writeString(file, text == null ? "" : text.replace("\\n", "\n"));
        assertThatThrownBy(() -> run(file, spec("", ""))).isInstanceOf(StopException.class)
                .hasMessageStartingWith(file.toString()).hasMessageContaining(said);
        assertThatThrownBy(() -> run(folder.resolve("none.csv"), spec("", ""))).isInstanceOf(StopException.class)
                .hasMessageContaining("none.csv: expected a readable file, found none");
    }

    @Test
    void bytesThatAreNotUtf8AreTold() throws IOException {
        Path file = Files.write(folder.resolve("events.csv"), csv(0, 3).getBytes(StandardCharsets.UTF_16));
        assertThatThrownBy(() -> run(file, spec("", ""))).isInstanceOf(StopException.class)
                .hasMessageContaining("UTF-8");
    }

    @Test
    void aNumberInACellIsTheNearestDouble() throws IOException {
        SplittableRandom random = new SplittableRandom(3);
        ModelSpec spec = ModelSpec.parse("""
                model: numbers
                input: { topic: t }
                label: { field: y }
                features: [ number: { field: x } ]
                network: [ dense: 1 ]
                loss: mean-squared-error
                optimizer: { sgd: { rate: 0.000001 } }
                """, "numbers.yaml");
        StringBuilder csv = new StringBuilder("x,y\n");
        StringBuilder json = new StringBuilder();
        for (int i = 0; i < 2_000; i++) {
            String number = switch (i % 4) {
                case 0 -> Double.toString(random.nextDouble(-1e3, 1e3));
                case 1 -> String.format(Locale.ROOT, "%.12f", random.nextDouble(-1, 1));
                case 2 -> Long.toString(random.nextLong(-1_000_000, 1_000_000));
                default -> String.format(Locale.ROOT, "%.3e", random.nextDouble(-1, 1));
            };
            csv.append(' ').append(number).append(',').append(number).append('\n');
            json.append("{\"x\":").append(number).append(",\"y\":").append(number).append("}\n");
        }
        assertThat(run(file("n.csv", csv.toString()), spec).stateHash())
                .isEqualTo(run(file("n.jsonl", json.toString()), spec).stateHash());
    }

    private static ModelSpec wild() {
        return ModelSpec.parse(SPEC.replace("size: 1", "size: 7").replace("scale: standard, ", "")
                .replace("binary-cross-entropy", "mean-squared-error").replace("field: fraud", "field: value")
                .replace("adam: { rate: 0.01 }", "sgd: { rate: 1000 }"), "wild.yaml");
    }

    @Test
    void aTrialThatDivergesEndsAloneAndIsLast() throws IOException {
        Path file = file("events.csv", csv(0, 500));
        List<BacktestResult> results = new Backtest(file,
                List.of(new Backtest.Trial("wild", wild()), new Backtest.Trial("calm", spec("", ""))),
                LabelDelay.Length.NONE, 1, Long.MAX_VALUE, KERNELS, 1).run(Backtest.Listener.NONE);
        assertThat(results.getFirst().diverged()).contains("diverged at update");
        assertThat(results.getFirst().loss()).isInfinite();
        assertThat(results.getLast().stateHash()).isEqualTo(run(file, spec("", "")).stateHash());
    }
}
