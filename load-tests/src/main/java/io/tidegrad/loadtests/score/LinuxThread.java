package io.tidegrad.loadtests.score;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// A thread of a process, as `/proc` tells of it (`proc_pid_stat(5)`).
///
/// @param name its first 15 characters
/// @param cpuSeconds user and system since it began, counted in hundredths
record LinuxThread(int id, String name, double cpuSeconds) {
    private static final double TICKS_A_SECOND = 100; // USER_HZ, wherever there is Linux

    // Behind the name, which may hold blanks and parentheses itself.
    private static final int USER_TICKS = 11;
    private static final int SYSTEM_TICKS = 12;

    static boolean areTold() {
        return System.getProperty("os.name").equals("Linux");
    }

    /// Those of a process that are there now; none where the system does not tell.
    static List<LinuxThread> of(long pid) {
        List<LinuxThread> threads = new ArrayList<>();
        if (!areTold()) {
            return threads;
        }
        try (DirectoryStream<Path> folders = Files.newDirectoryStream(Path.of("/proc", String.valueOf(pid), "task"))) {
            for (Path folder : folders) {
                try {
                    threads.add(parse(Files.readString(folder.resolve("stat"))));
                } catch (IOException ended) {
                    // Meanwhile.
                }
            }
        } catch (IOException ended) {
            return List.of();
        }
        return threads;
    }

    static LinuxThread parse(String stat) {
        int from = stat.indexOf('(');
        int to = stat.lastIndexOf(')');
        String[] fields = stat.substring(to + 2).split(" ");
        long ticks = Long.parseLong(fields[USER_TICKS]) + Long.parseLong(fields[SYSTEM_TICKS]);
        return new LinuxThread(Integer.parseInt(stat.substring(0, from).strip()), stat.substring(from + 1, to),
                ticks / TICKS_A_SECOND);
    }

    /// What a JVM's compilers have taken; 0 where the system does not tell.
    static double compilerSeconds(long pid) {
        return of(pid).stream().filter(thread -> thread.name.matches("C[12] Compiler.*"))
                .mapToDouble(LinuxThread::cpuSeconds).sum();
    }
}
