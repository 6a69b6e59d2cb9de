package io.tidegrad.scorerapp;

import io.tidegrad.ops.log.JsonLog;
import io.tidegrad.ops.settings.Commands;
import io.tidegrad.ops.settings.Settings;
import io.tidegrad.ops.settings.SettingsException;
import io.tidegrad.schemas.KafkaTime;
import java.io.ObjectInputFilter;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The main class. It prints one line once it listens, and ends with a status that says whether a restart can help.
public final class ScorerMain {
    /// The process was stopped in an orderly way.
    public static final int OK = 0;

    /// A setting is wrong or Kafka denies access: a restart does not help.
    public static final int CONFIGURATION = SettingsException.STATUS;

    /// A restart may help (EX_TEMPFAIL of sysexits.h).
    public static final int RETRYABLE = 75;

    private static final long STOP_SECONDS_MAX = 15;

    private static final Logger log = LoggerFactory.getLogger(ScorerMain.class);

    private ScorerMain() {}

    public static void main(String[] args) {
        start(List.of(args), Commands.of(ScorerSettings.SCORER));
    }

    /// @param known the scorer's command and all others that the environment or the file may serve
    public static void start(List<String> arguments, Commands known) {
        KafkaTime.install();
        refuseSerializedObjects();
        if (arguments.contains("--help") || arguments.contains("-h")) {
            System.out.print(ScorerSettings.SCORER.help());
            return;
        }
        int status = run(arguments, known);
        if (status != OK) {
            System.exit(status);
        }
    }

    /// Refuses Java serialization, which creates objects of whatever classes its bytes name and which nothing here
    /// uses. If the property `jdk.serialFilter` is set, it is kept.
    static void refuseSerializedObjects() {
        if (ObjectInputFilter.Config.getSerialFilter() == null) {
            ObjectInputFilter.Config.setSerialFilter(read -> ObjectInputFilter.Status.REJECTED);
        }
    }

    private static int run(List<String> arguments, Commands known) {
        ScorerConfig config;
        ScorerApp app;
        try {
            Settings settings = Settings.read(ScorerSettings.SCORER, known, arguments, System.getenv());
            JsonLog.chosenBy(settings);
            config = ScorerConfig.of(settings);
            log.info("settings: {}", settings);
            config.server().warnOfStrangers();
            app = ScorerApp.start(config, InstantSource.system());
        } catch (SettingsException e) {
            System.err.println(e.getMessage());
            return CONFIGURATION;
        } catch (RuntimeException e) {
            System.err.println("tidegrad scorer: could not start: " + causes(e));
            log.debug("cause", e);
            return RETRYABLE;
        }
        System.out.println("scorer listening on " + config.server().security().scheme() + "://" + config.server().host()
                + ":" + app.port() + " models " + String.join(",", config.models()) + grpc(config, app));
        System.out.flush();
        CountDownLatch stop = new CountDownLatch(1);
        CountDownLatch stopped = new CountDownLatch(1);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> stopInOrder(stop, stopped), "stop-scorer"));
        return serve(app, stop, stopped);
    }

    private static String grpc(ScorerConfig config, ScorerApp app) {
        return app.grpcPort().isPresent() ? " grpc " + config.server().host() + ":" + app.grpcPort().getAsInt() : "";
    }

    private static int serve(ScorerApp app, CountDownLatch stop, CountDownLatch stopped) {
        int status = OK;
        try {
            while (!stop.await(1, TimeUnit.SECONDS)) {
                Optional<String> refusal = app.refusal();
                if (refusal.isPresent()) {
                    System.err.println("tidegrad scorer: " + refusal.get());
                    status = CONFIGURATION;
                    break;
                }
                Optional<String> ended = app.ended();
                if (ended.isPresent()) {
                    log.error("{}; ending so that a supervisor starts the scorer again", ended.get());
                    status = RETRYABLE;
                    break;
                }
                if (!app.isLive()) {
                    log.error("a follower died; ending so that a supervisor starts the scorer again");
                    status = RETRYABLE;
                    break;
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        app.close();
        log.info("stopped");
        stopped.countDown();
        return status;
    }

    /// On SIGTERM and SIGINT: waits until everything has stopped, then ends with status 0. The JVM's own status would
    /// be 128 + the signal, which a supervisor takes for a crash.
    private static void stopInOrder(CountDownLatch stop, CountDownLatch stopped) {
        if (stopped.getCount() == 0) {
            // This is not a signal: main has stopped everything and is ending with a status of its own.
            return;
        }
        stop.countDown();
        try {
            if (stopped.await(STOP_SECONDS_MAX, TimeUnit.SECONDS)) {
                Runtime.getRuntime().halt(OK);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static String causes(Throwable e) {
        StringBuilder text = new StringBuilder();
        for (Throwable cause = e; cause != null; cause = cause.getCause()) {
            text.append(text.isEmpty() ? "" : ": ").append(cause.getMessage());
        }
        return text.toString();
    }
}
