package io.tidegrad.cli;

/// Runs commands one after the other in one JVM, with the environment that the JVM was started with: a JVM for each
/// takes seconds. On standard error, where commands say what is wrong, stands a line with its words before each and one
/// with its status behind it.
final class CommandsInTurn {
    static final String BEGINS = "=== begins: ";
    static final String STATUS = "=== status: ";

    private CommandsInTurn() {}

    public static void main(String[] commands) {
        System.setProperty("logback.configurationFile", "io/tidegrad/cli/" + Tidegrad.log("models"));
        for (String command : commands) {
            System.err.println(BEGINS + command);
            int status = Tidegrad.commandLine().execute(command.split(" "));
            System.err.println(STATUS + status);
        }
    }
}
