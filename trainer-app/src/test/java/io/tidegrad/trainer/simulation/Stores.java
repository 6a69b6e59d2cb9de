package io.tidegrad.trainer.simulation;

import io.tidegrad.control.Retention;
import io.tidegrad.trainer.store.StoreKind;
import io.tidegrad.trainer.store.StoreSettings;
import java.time.Duration;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/// How each life of a schedule keeps its model: as page log, as image and redo, or as the store itself chooses, with
/// limits so small that an image takes several commits. A third of the schedules mixes them, as operators do who change
/// `--store`.
final class Stores {
    private static final Duration TRANSACTION_TIMEOUT = Duration.ofMinutes(1);

    /// Far longer than two images take. Where the machine sleeps for an hour, a quarter of it is over.
    private static final Retention HOURS = new Retention(Duration.ofHours(3).toMillis(), -1);

    private final SplittableRandom random;
    private final @Nullable StoreKind kind;
    private final boolean mixes;

    /// @param kind of every life; null for what `random` draws
    Stores(SplittableRandom random, @Nullable StoreKind kind) {
        this.random = random;
        mixes = kind == null && random.nextInt(3) == 0;
        this.kind = kind != null ? kind : drawn();
    }

    private StoreKind drawn() {
        return random.nextBoolean() ? StoreKind.PAGE_LOG : StoreKind.IMAGE_AND_REDO;
    }

    /// No limit is one that the machine's speed could reach: a schedule is a function of its seed.
    ///
    /// @param modelBytes less than a commit may write in some lives, more in others
    StoreSettings next(long modelBytes) {
        StoreKind forced = !mixes ? kind : random.nextInt(3) == 0 ? null : drawn();
        long bytesPerSecond = 1L << random.nextInt(10, 18);
        return new StoreSettings(forced, modelBytes, bytesPerSecond,
                random.nextInt(3) == 0 ? Duration.ZERO : Duration.ofDays(1), TRANSACTION_TIMEOUT,
                Duration.ofMillis(random.nextBoolean() ? 200 : 1_000),
                Duration.ofMillis(random.nextBoolean() ? 100 : 700), Duration.ofMillis(1_000),
                random.nextInt(4) == 0 ? HOURS : Retention.FOR_EVER);
    }
}
