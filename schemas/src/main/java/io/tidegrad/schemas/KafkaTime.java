package io.tidegrad.schemas;

import java.lang.constant.ClassDesc;
import java.lang.invoke.MethodHandles;
import java.util.function.LongSupplier;
import org.apache.kafka.common.utils.Time;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The clock that Kafka's clients and Kafka Streams measure by in our processes. Their own, `Time.SYSTEM`, is the wall
/// clock, which somebody may set: by half an hour back, and until that half hour is over no client sends a heartbeat
/// (its group loses it with each session), asks for metadata, or connects again to a broker that it has lost.
///
/// This one never jumps. It shows the wall clock's time as long as that runs as time does, which `System.nanoTime`
/// tells; where the wall clock was set, it approaches it by a tenth of the time that passes.
public final class KafkaTime {
    private static final Logger LOG = LoggerFactory.getLogger(KafkaTime.class);

    /// At 11 tenths of its pace, a timeout is still about what it should be.
    private static final int APPROACH = 10;

    private static final long NANOS_PER_MILLI = 1_000_000;

    /// So much later what was shown is noted again. A tenth of it is the most by which a clock that is set shows at
    /// once.
    private static final long NOTED_EVERY_NANOS = 10 * NANOS_PER_MILLI;

    /// The first that can rewrite classes.
    private static final int RELEASE = 25;

    private static final KafkaTime OF_THIS_PROCESS = new KafkaTime(System::currentTimeMillis, System::nanoTime);

    private static volatile boolean installed;

    private final LongSupplier wallMillis;
    private final LongSupplier nanos;
    private volatile Shown shown;

    /// @param epochNanos what was shown
    /// @param at when, of `System.nanoTime`
    private record Shown(long epochNanos, long at) {
    }

    KafkaTime(LongSupplier wallMillis, LongSupplier nanos) {
        this.wallMillis = wallMillis;
        this.nanos = nanos;
        shown = new Shown(wallMillis.getAsLong() * NANOS_PER_MILLI, nanos.getAsLong());
    }

    long millis() {
        long now = nanos.getAsLong();
        Shown before = shown;
        long passed = Math.max(0, now - before.at());
        long here = before.epochNanos() + passed;
        long most = passed / APPROACH;
        long off = wallMillis.getAsLong() * NANOS_PER_MILLI - here;
        long time = here + Math.clamp(off, -most, most);
        if (passed >= NOTED_EVERY_NANOS) {
            shown = new Shown(time, now);
        }
        return time / NANOS_PER_MILLI;
    }

    /// For the class that [#install] makes.
    public static long currentTimeMillis() {
        return OF_THIS_PROCESS.millis();
    }

    /// Lets Kafka's clients of this process go by this clock; to be called before anything of Kafka is used, at best
    /// first thing. None of them takes a clock from outside, so this is done to their one class that asks the machine
    /// for the time: it is defined from its own bytes, with our method in place of `System.currentTimeMillis`.
    public static void install() {
        install(KafkaTime.class);
    }

    /// @param clock has the method `currentTimeMillis`
    static void install(Class<?> clock) {
        if (Runtime.version().feature() < RELEASE) {
            LOG.warn("Kafka's clients of this process go by the wall clock: another clock needs Java {} or newer",
                    RELEASE);
            return;
        }
        try {
            MethodHandles.privateLookupIn(Time.class, MethodHandles.lookup())
                    .defineClass(SystemTimeClass.asking(ClassDesc.of(clock.getName())));
            installed = true;
        } catch (LinkageError loaded) {
            if (!installed) {
                LOG.warn("Kafka's clients of this process go by the wall clock, and take it amiss when that is set: {}",
                        loaded.getMessage());
            }
        } catch (IllegalAccessException e) {
            throw new IllegalStateException(e);
        }
    }
}
