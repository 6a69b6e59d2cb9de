package io.tidegrad.joiner.app;

import io.tidegrad.control.ControlException;
import io.tidegrad.control.StreamState;
import io.tidegrad.process.ExitCode;
import io.tidegrad.process.KafkaFault;
import io.tidegrad.process.StopException;
import java.time.Duration;
import java.time.Instant;
import java.util.function.BiFunction;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The place of one epoch of a stream in this process, whether it is joined just now or not. A joiner that can't go on for a
/// reason that may pass is tried again, after 1, 2, 4 … 60 s; another one leaves the slot failed.
final class StreamSlot {
    private static final Logger LOG = LoggerFactory.getLogger(StreamSlot.class);
    private static final Duration LONGEST_PAUSE = Duration.ofSeconds(60);

    /// A life of more than this counts as a success.
    private static final Duration LONG_LIFE = Duration.ofMinutes(1);

    /// What a slot is doing.
    enum Doing {
        STARTING, JOINING, PAUSED, RETRYING, FAILED, LEFT
    }

    private final BiFunction<StreamState.Epoch, Consumer<Throwable>, StreamJoiner> prepare;
    private final BooleanSupplier letIn;
    private final Consumer<StopException> failed;
    private volatile StreamState.Epoch epoch;
    private Doing doing = Doing.STARTING;
    private @Nullable StreamJoiner joiner;
    private @Nullable StreamJoiner before; // the one that was stopped last
    private boolean hasCommitted;
    private @Nullable StopException failure;
    private Instant since = Instant.now();
    private Duration pause = Duration.ofSeconds(1);
    private int life;

    /// @param prepare makes a joiner of the epoch, which tells the consumer why it can't go on
    /// @param letIn returns whether Kafka accepted the credentials shortly before
    /// @param failed gets each reason why the slot's joiner stopped, when the slot is as it will be
    StreamSlot(StreamState.Epoch epoch, BiFunction<StreamState.Epoch, Consumer<Throwable>, StreamJoiner> prepare,
            BooleanSupplier letIn, Consumer<StopException> failed) {
        this.epoch = epoch;
        this.prepare = prepare;
        this.letIn = letIn;
        this.failed = failed;
    }

    StreamState.Epoch epoch() {
        return epoch;
    }

    /// Takes another spec of the same epoch. It may differ in `align`, which counts at once.
    void is(StreamState.Epoch changed) {
        if (epoch.equals(changed)) {
            return;
        }
        synchronized (this) {
            epoch = changed;
            align(joiner);
        }
    }

    private void align(@Nullable StreamJoiner of) {
        try {
            if (of != null) {
                of.alignment().is(epoch.spec().align());
            }
        } catch (ControlException ofAnotherBuild) {
            LOG.warn("stream {}, epoch {} is joined on with the align of before: {}", epoch.stream(), epoch.number(),
                    ofAnotherBuild.getMessage());
        }
    }

    synchronized Doing doing() {
        return doing;
    }

    synchronized @Nullable StreamJoiner joiner() {
        return joiner;
    }

    synchronized @Nullable StopException failure() {
        return failure;
    }

    /// Returns since when the slot does what it is doing.
    synchronized Instant since() {
        return since;
    }

    /// Prepares and starts the joiner, in the calling thread.
    void start() {
        int now;
        synchronized (this) {
            if (doing == Doing.PAUSED || doing == Doing.LEFT || joiner != null) {
                return;
            }
            is(Doing.STARTING);
            now = ++life;
        }
        StreamJoiner prepared;
        try {
            requireStopped();
            prepared = prepare.apply(epoch, why -> Thread.ofVirtual().name("stop-" + epoch.stream())
                    .start(() -> stopped(now, takeOf(now), why)));
        } catch (RuntimeException | Error e) {
            stopped(now, null, e);
            return;
        }
        synchronized (this) {
            if (life != now || doing != Doing.STARTING) {
                prepared.leave();
                return;
            }
            joiner = prepared;
            align(prepared); // it may have changed meanwhile
            failure = null;
            is(Doing.JOINING);
            prepared.start();
        }
    }

    private void is(Doing doing) {
        this.doing = doing;
        since = Instant.now();
    }

    /// The state directory is locked until the threads of the joiner before have ended, which may be after its `close`.
    private synchronized void requireStopped() {
        if (before != null && !before.hasStopped()) {
            throw new StopException(ExitCode.RETRYABLE, StreamJoiner.name(epoch)
                    + ": expected that its threads of before have ended, found that they have not; they may wait for a"
                    + " topic that is gone, or for Kafka");
        }
        before = null;
    }

    private synchronized @Nullable StreamJoiner takeOf(int ofLife) {
        return life == ofLife ? take() : null;
    }

    private synchronized @Nullable StreamJoiner take() {
        StreamJoiner taken = joiner;
        if (taken != null) {
            hasCommitted |= taken.hasCommitted();
            before = taken;
            joiner = null;
        }
        return taken;
    }

    /// With its first commit a joiner of this slot has shown what the credentials allow, even if an ACL is being replaced
    /// now.
    private synchronized boolean letInBefore(KafkaFault fault) {
        return fault == KafkaFault.AUTHENTICATION ? letIn.getAsBoolean() : hasCommitted;
    }

    private void stopped(int ofLife, @Nullable StreamJoiner taken, Throwable thrown) {
        if (taken != null) {
            taken.close();
        }
        StopException why = StopException.from(thrown, this::letInBefore);
        Duration again;
        synchronized (this) {
            if (life != ofLife || doing == Doing.PAUSED || doing == Doing.LEFT) {
                return;
            }
            if (Duration.between(since, Instant.now()).compareTo(LONG_LIFE) > 0) {
                pause = Duration.ofSeconds(1);
            }
            failure = why;
            is(why.exitCode().retryable() ? Doing.RETRYING : Doing.FAILED);
            again = pause;
            Duration twice = pause.multipliedBy(2);
            pause = twice.compareTo(LONGEST_PAUSE) < 0 ? twice : LONGEST_PAUSE;
        }
        if (why.mayBeADefect()) {
            LOG.error("stream {}, epoch {} stopped, perhaps by a defect", epoch.stream(), epoch.number(), why);
        } else {
            LOG.error("stream {}, epoch {} stopped (exit code {}): {}", epoch.stream(), epoch.number(),
                    why.exitCode().status(), why.getMessage());
        }
        failed.accept(why);
        if (why.exitCode().retryable()) {
            Thread.ofVirtual().name("retry-" + epoch.stream()).start(() -> {
                try {
                    Thread.sleep(again);
                } catch (InterruptedException e) {
                    return;
                }
                start();
            });
        }
    }

    /// Stops joining until `resume`.
    void pause() {
        end(Doing.PAUSED, true);
    }

    void resume() {
        synchronized (this) {
            if (doing != Doing.PAUSED) {
                return;
            }
            is(Doing.STARTING);
        }
        start();
    }

    /// Stops for good.
    ///
    /// @param leaves whether the group need not wait for this process
    void end(boolean leaves) {
        end(Doing.LEFT, leaves);
    }

    private void end(Doing as, boolean leaves) {
        StreamJoiner taken;
        synchronized (this) {
            is(as);
            life++;
            failure = null;
            taken = take();
        }
        if (taken == null) {
            return;
        }
        if (leaves) {
            taken.leave();
        } else {
            taken.close();
        }
    }
}
