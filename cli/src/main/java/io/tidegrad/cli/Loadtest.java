package io.tidegrad.cli;

import io.tidegrad.loadtests.LoadTestException;
import java.util.concurrent.Callable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;

/// A load test as a command: what it is asked for in a wrong way is a mistake of usage.
abstract class Loadtest implements Callable<Integer> {
    @Spec
    private CommandSpec command = CommandSpec.create();

    @Mixin
    private HelpOption help = new HelpOption();

    /// A load test that can be run.
    @FunctionalInterface
    interface Measuring {
        /// Returns the exit status.
        ///
        /// @throws LoadTestException something did not do what is measured
        int run() throws InterruptedException;
    }

    /// @throws IllegalArgumentException an option is out of its bounds
    abstract Measuring measuring();

    @Override
    public final Integer call() throws InterruptedException {
        Measuring measuring;
        try {
            measuring = measuring();
        } catch (IllegalArgumentException | TypeConversionException e) {
            throw new ParameterException(command.commandLine(), String.valueOf(e.getMessage()), e);
        }
        return measuring.run();
    }

    /// Of a load test that succeeds unless it throws.
    static Measuring of(Running running) {
        return () -> {
            running.run();
            return 0;
        };
    }

    @FunctionalInterface
    interface Running {
        void run() throws InterruptedException;
    }
}
