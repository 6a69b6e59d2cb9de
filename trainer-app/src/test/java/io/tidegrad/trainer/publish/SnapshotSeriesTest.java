package io.tidegrad.trainer.publish;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.model.feature.Featurizer;
import io.tidegrad.model.feature.MapEvent;
import io.tidegrad.model.feature.Row;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.snapshot.LoadedModel;
import io.tidegrad.model.snapshot.PartCompression;
import io.tidegrad.model.snapshot.PublishedSnapshot;
import io.tidegrad.model.snapshot.SnapshotKey;
import io.tidegrad.model.snapshot.SnapshotManifest;
import io.tidegrad.model.snapshot.SnapshotVerifier;
import io.tidegrad.model.snapshot.Verification;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.trainer.store.RetainedSnapshot;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// A series on a topic in memory, beside a reader that follows it.
class SnapshotSeriesTest {
    private static final ModelSpec SPEC = ModelSpec.parse("""
                    model: places
                    input: { topic: places }
                    label: { field: over }
                    features:
                      - number: { field: a, scale: standard }
                      - category: { field: place, buckets: 40000, dimension: 4 }
                    network: [ dense: 1 ]
                    loss: binary-cross-entropy
                    optimizer: { adam: { rate: 0.01 } }
                    seed: 7
                    """, "test");

    private final OnlineModel model = OnlineModel.initial(SPEC, Kernels.active());
    private final Featurizer featurizer = new Featurizer(SPEC);
    private final Row row = featurizer.newRow();
    private final SplittableRandom random = new SplittableRandom(5);

    private final Map<SnapshotKey, byte[]> topic = new LinkedHashMap<>();
    private final List<SnapshotManifest> written = new ArrayList<>();
    private @Nullable LoadedModel loaded;
    private List<RetainedSnapshot> retained = List.of();
    private int transactionParts;
    private long now = 1_700_000_000_000L;

    private static SnapshotSeries.Settings settings(int deltas, int keep) {
        return new SnapshotSeries.Settings(deltas, new RetentionLadder(keep, 0, 0), PublishedSnapshot.Form.PLAIN,
                Long.MAX_VALUE);
    }

    private void learn(int events) {
        for (int i = 0; i < events; i++) {
            Map<String, Object> values = Map.of("a", random.nextDouble(), "place", "p" + random.nextInt(100_000),
                    "over", random.nextBoolean());
            assertThat(featurizer.featurize(new MapEvent(values), row)).isNull();
            assertThat(model.accept(row)).isNull();
        }
    }

    private void out(byte[] keyBytes, byte @Nullable [] value, long time) {
        SnapshotKey key = SnapshotKey.decode(keyBytes);
        if (value == null) {
            topic.remove(key);
            return;
        }
        topic.put(key, value);
        transactionParts++;
        if (key.kind() == SnapshotKey.Kind.MANIFEST) {
            SnapshotManifest manifest = SnapshotManifest.decode(value);
            written.add(manifest);
            Verification verification =
                    new SnapshotVerifier("places", Kernels.active(), 1 << 24).verify(manifest, parts(manifest), loaded);
            assertThat(verification).isInstanceOf(Verification.Admitted.class);
            loaded = ((Verification.Admitted) verification).model();
        }
    }

    private List<byte[]> parts(SnapshotManifest manifest) {
        List<byte[]> parts = new ArrayList<>();
        for (int part = 0; part < manifest.parts(); part++) {
            parts.add(Objects.requireNonNull(topic.get(SnapshotKey.part(manifest.epoch(), manifest.version(), part))));
        }
        return parts;
    }

    @Test
    void afterAVersionThatWasCutAndGivenUpTheNextOneIsFull() {
        SnapshotSeries series = new SnapshotSeries(settings(100, 3));
        learn(5);
        publish(series);
        learn(5);
        series.cut(model, retained, moment());
        series.forget();
        learn(5);
        publish(series);
        assertThat(written.getLast().isDelta()).isFalse();
        learn(5);
        publish(series);
        assertThat(written.getLast().isDelta()).isTrue();
        assertThat(Objects.requireNonNull(loaded).manifest().weightsHash()).isEqualTo(model.weightsHash());
        assertTopicIsWhatIsRetained();
    }

    private PublishedSnapshot.Moment moment() {
        return new PublishedSnapshot.Moment(model.weightsHash(), 1, 10, 10, true, now++);
    }

    private void publish(SnapshotSeries series) {
        retained = series.begin(model, retained, moment(), this::out);
        retained = series.goOn(retained, 1, false, this::out);
    }

    /// The topic holds what the list says, and nothing else.
    private void assertTopicIsWhatIsRetained() {
        Map<Long, Integer> parts = new TreeMap<>();
        topic.keySet().forEach(key -> parts.merge(key.version(), 1, Integer::sum));
        Map<Long, Integer> expected = new TreeMap<>();
        retained.forEach(snapshot -> expected.put(snapshot.version(), snapshot.parts() + 1));
        assertThat(parts).isEqualTo(expected);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 4, 100})
    void theReaderHasTheTrainersWeightsAtEveryVersion(int deltasMax) {
        SnapshotSeries series = new SnapshotSeries(settings(deltasMax, 2));
        for (int version = 0; version < 30; version++) {
            learn(1 + random.nextInt(5));
            publish(series);
            assertThat(Objects.requireNonNull(loaded).manifest().weightsHash()).isEqualTo(model.weightsHash());
            assertTopicIsWhatIsRetained();
        }
        int inARow = 0;
        for (SnapshotManifest manifest : written) {
            inARow = manifest.isDelta() ? inARow + 1 : 0;
            assertThat(inARow).isLessThanOrEqualTo(deltasMax);
        }
        assertThat(series.totals().fulls() + series.totals().deltas()).isEqualTo(30);
        assertThat(series.totals().retained()).isEqualTo(retained.size());
        if (deltasMax == 4) {
            assertThat(series.totals().fulls()).isEqualTo(6);
        }
    }

    /// Without a table every step changes everything.
    @Test
    void aDeltaThatWouldNotBeSmallerIsAFullSnapshot() {
        ModelSpec spec = ModelSpec.parse(SPEC.yaml().replaceAll("(?m)^.*category.*\n", ""), "without a table");
        OnlineModel dense = OnlineModel.initial(spec, Kernels.active());
        Featurizer numbers = new Featurizer(spec);
        Row one = numbers.newRow();
        SnapshotSeries series = new SnapshotSeries(settings(100, 1));
        List<RetainedSnapshot> kept = List.of();
        for (int version = 0; version < 3; version++) {
            numbers.featurize(new MapEvent(Map.of("a", random.nextDouble(), "over", true)), one);
            dense.accept(one);
            kept = series.goOn(series.begin(dense, kept, moment(), (key, value, time) -> {
            }), 1, true, (key, value, time) -> {
            });
            assertThat(kept).singleElement().matches(snapshot -> !snapshot.isDelta());
        }
        assertThat(series.totals().fulls()).isEqualTo(3);
    }

    /// Half a second apart, a model of the first hours is on the topic once for each, and the newest ones.
    @Test
    void oneCanGoBackForHoursHoweverOftenAModelIsPublished() {
        SnapshotSeries series = new SnapshotSeries(new SnapshotSeries.Settings(50, new RetentionLadder(5, 24, 31),
                PublishedSnapshot.Form.PLAIN, Long.MAX_VALUE));
        now = now / 3_600_000 * 3_600_000 + 1_800_000;
        long begin = now;
        for (int minute = 0; minute < 200; minute++) {
            for (int publication = 0; publication < 3; publication++) {
                learn(1);
                publish(series);
                now += 500;
            }
            now = begin + (minute + 1) * 60_000L;
            assertTopicIsWhatIsRetained();
        }
        // Half past the hour, then the next three hours, and the newest ones with what they are changes to.
        assertThat(retained.stream().filter(each -> !each.isDelta()).map(each -> (each.time() - begin) / 60_000)
                .distinct().toList()).startsWith(0L, 30L, 90L, 150L);
        assertThat(retained.size()).isLessThan(4 + 51 + 5);
        assertThat(written).hasSize(600);
    }

    /// So that a reader that begins reads at most twice a model.
    @Test
    void deltasThatAreTogetherAsLargeAsTheModelAreFollowedByAFullSnapshot() {
        SnapshotSeries series = new SnapshotSeries(settings(1_000, 1));
        long sinceFull = 0;
        for (int version = 0; version < 40; version++) {
            learn(4_000);
            publish(series);
            SnapshotManifest manifest = written.getLast();
            sinceFull = manifest.isDelta() ? sinceFull + manifest.payloadBytes() : 0;
            assertThat(sinceFull).isLessThan(manifest.servedBytes());
        }
        assertThat(series.totals().fulls()).isBetween(3L, 20L);
    }

    @Test
    void deltasOfASmallModelMayTogetherBeLargerThanIt() {
        ModelSpec small = ModelSpec.parse(SPEC.yaml().replace("buckets: 40000", "buckets: 1000"), "test");
        OnlineModel model = OnlineModel.initial(small, Kernels.active());
        Featurizer featurizer = new Featurizer(small);
        Row row = featurizer.newRow();
        SnapshotSeries series = new SnapshotSeries(settings(1_000, 1));
        List<RetainedSnapshot> retained = List.of();
        List<Long> chains = new ArrayList<>();
        long chain = 0;
        for (int version = 0; version < 300; version++) {
            for (int i = 0; i < 100; i++) {
                Map<String, Object> values = Map.of("a", 1.0, "place", "p" + random.nextInt(100_000), "over", true);
                assertThat(featurizer.featurize(new MapEvent(values), row)).isNull();
                assertThat(model.accept(row)).isNull();
            }
            retained = series.begin(model, retained,
                    new PublishedSnapshot.Moment(model.weightsHash(), 1, 10, 10, true, now++), (key, value, time) -> {
                    });
            retained = series.goOn(retained, 1, true, (key, value, time) -> {
            });
            if (!retained.getLast().isDelta() && version > 0) {
                chains.add(chain);
            }
            chain = retained.getLast().isDelta() ? chain + retained.getLast().bytes() : 0;
        }
        assertThat(chains).isNotEmpty().allMatch(bytes -> bytes > 500 << 10 && bytes <= 512 << 10);
        assertThat(model.parameters().servedBytes()).isLessThan(20_000);
    }

    @Test
    void theFirstSnapshotAfterAStartIsFull() {
        SnapshotSeries series = new SnapshotSeries(settings(100, 1));
        learn(5);
        publish(series);
        learn(5);
        publish(series);
        OnlineModel restored = OnlineModel.blank(SPEC, Kernels.active());
        assertThat(restored.parameters().changes().everything()).isTrue();
        SnapshotSeries next = new SnapshotSeries(settings(100, 1));
        List<RetainedSnapshot> after = next.goOn(next.begin(restored, retained, moment(), (key, value, time) -> {
        }), 1, true, (key, value, time) -> {
        });
        assertThat(after.getLast().parent()).isEqualTo(-1);
    }

    @Test
    void aLargeFullSnapshotIsSpreadOverCommitsWhileLearningGoesOn() {
        SnapshotSeries series = new SnapshotSeries(new SnapshotSeries.Settings(100, new RetentionLadder(1, 0, 0),
                new PublishedSnapshot.Form(PartCompression.NONE, null), 1));
        learn(5);
        String hash = model.weightsHash();
        retained = series.begin(model, retained, moment(), this::out);
        int commits = 0;
        while (series.isSending()) {
            transactionParts = 0;
            retained = series.goOn(retained, 1, false, this::out);
            assertThat(transactionParts).isEqualTo(1);
            assertThat(retained.getLast().complete()).isEqualTo(!series.isSending());
            learn(3);
            commits++;
        }
        assertThat(commits).isEqualTo(written.getLast().parts() + 1).isGreaterThan(2);
        assertThat(written.getLast().weightsHash()).isEqualTo(hash);
        retained = series.begin(model, retained, moment(), this::out);
        retained = series.goOn(retained, 1, true, this::out);
        assertThat(written.getLast().isDelta()).isTrue();
        assertThat(Objects.requireNonNull(loaded).manifest().weightsHash()).isEqualTo(model.weightsHash());
        assertTopicIsWhatIsRetained();
    }

    @Test
    void aSnapshotThatADeadProcessBeganIsBuried() {
        SnapshotSeries dead = new SnapshotSeries(
                new SnapshotSeries.Settings(100, new RetentionLadder(3, 0, 0), PublishedSnapshot.Form.PLAIN, 1));
        learn(5);
        retained = dead.begin(model, retained, moment(), this::out);
        retained = dead.goOn(retained, 1, false, this::out);
        assertThat(topic).hasSize(1);
        model.parameters().changes(); // of the next process: its own, and everything
        learn(1);
        SnapshotSeries next = new SnapshotSeries(settings(0, 3));
        publish(next);
        assertThat(retained).hasSize(1);
        assertTopicIsWhatIsRetained();
    }
}
