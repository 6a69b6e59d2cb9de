package io.tidegrad.proof;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/// Runs at the end of `./tidegrad test --prove-oracles` and prints the lines of each module's `ProofRecorder` as a
/// table. The exit status is 1 if an oracle did not report its fault or a breaker was not run.
public final class ProofTable {
    /// Folder in each module with the lines. (This class runs without JUnit.)
    static final Path FOLDER = Path.of("target", "oracle-proofs");

    private record Proof(Breaker breaker, String oracle, boolean reported) {
    }

    private ProofTable() {}

    public static void main(String[] arguments) throws IOException {
        if (arguments.length != 1) {
            throw new IllegalArgumentException("expected the project's folder, found " + List.of(arguments));
        }
        List<Proof> proofs = read(Path.of(arguments[0]));
        List<String> silent = new ArrayList<>();
        System.out.printf("%n%-4s %-43s %-88s %s%n", "", "breaker", "oracle", "seen to fail");
        for (Invariant invariant : Invariant.values()) {
            boolean any = false;
            for (Breaker breaker : Breaker.values()) {
                if (breaker.invariant() == invariant) {
                    any = true;
                    print(breaker, proofs, silent);
                }
            }
            if (!any) {
                System.out.printf("%-4s %-43s %-88s %s%n", invariant, "-",
                        "(" + invariant.title() + ": docs/reliability.md)", "-");
            }
        }
        if (!silent.isEmpty()) {
            System.out.println("not seen to fail: " + String.join(", ", silent));
            System.exit(1);
        }
    }

    private static void print(Breaker breaker, List<Proof> proofs, List<String> silent) {
        boolean run = false;
        for (Proof proof : proofs) {
            if (proof.breaker() == breaker) {
                run = true;
                row(breaker, proof.oracle(), proof.reported() ? "yes" : "NO");
                if (!proof.reported()) {
                    silent.add(breaker + " by " + proof.oracle());
                }
            }
        }
        if (!run) {
            row(breaker, "-", "NOT RUN");
            silent.add(breaker + " (not run)");
        }
    }

    private static void row(Breaker breaker, String oracle, String seen) {
        System.out.printf("%-4s %-43s %-88s %s%n", breaker.invariant(), breaker, oracle, seen);
    }

    private static List<Proof> read(Path root) throws IOException {
        List<Path> files = new ArrayList<>();
        try (Stream<Path> modules = Files.list(root)) {
            for (Path module : modules.sorted().toList()) {
                Path folder = module.resolve(FOLDER);
                if (Files.isDirectory(folder)) {
                    try (Stream<Path> proofs = Files.list(folder)) {
                        files.addAll(proofs.sorted().toList());
                    }
                }
            }
        }
        List<Proof> proofs = new ArrayList<>();
        for (Path file : files) {
            String[] fields = Files.readString(file).strip().split("\t");
            proofs.add(new Proof(Breaker.valueOf(fields[0]), fields[1], Boolean.parseBoolean(fields[2])));
        }
        return proofs;
    }
}
