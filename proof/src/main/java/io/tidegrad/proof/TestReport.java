package io.tidegrad.proof;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Stream;
import javax.xml.stream.XMLInputFactory;
import javax.xml.stream.XMLStreamConstants;
import javax.xml.stream.XMLStreamException;
import javax.xml.stream.XMLStreamReader;
import org.jspecify.annotations.Nullable;

/// Runs at the end of `./tidegrad test`: names the tests that failed or were skipped and lists the slowest classes, from the XML
/// reports that Surefire writes in each module. It does not decide whether the tests passed: Maven's exit status does,
/// because a JVM that crashes leaves no report.
public final class TestReport {
    private static final int CLASSES_LISTED_MAX = 30;
    private static final int MESSAGE_MAX = 200;

    /// @param skipped `method: first line of the reason`, one for each test that was not run
    /// @param failed `method: first line of the message`, one for each test that failed
    record TestClass(String module, String name, double seconds, int tests, List<String> skipped, List<String> failed) {
    }

    private TestReport() {}

    /// Runs without JUnit.
    public static void main(String[] arguments) throws IOException, XMLStreamException {
        if (arguments.length != 2) {
            throw new IllegalArgumentException(
                    "expected the project's folder and the name of the reports' folder in each"
                            + " module's target, found " + List.of(arguments));
        }
        List<TestClass> classes = read(Path.of(arguments[0]), arguments[1]);
        lines(classes).forEach(System.out::println);
    }

    static List<TestClass> read(Path root, String folder) throws IOException, XMLStreamException {
        List<TestClass> classes = new ArrayList<>();
        try (Stream<Path> modules = Files.list(root)) {
            for (Path module : modules.sorted().toList()) {
                Path reports = module.resolve("target").resolve(folder);
                if (Files.isDirectory(reports)) {
                    try (Stream<Path> files = Files.list(reports)) {
                        for (Path file : files.sorted().toList()) {
                            if (file.getFileName().toString().matches("TEST-.*\\.xml")) {
                                classes.add(read(module.getFileName().toString(), file));
                            }
                        }
                    }
                }
            }
        }
        return classes;
    }

    private static TestClass read(String module, Path file) throws IOException, XMLStreamException {
        XMLInputFactory factory = XMLInputFactory.newFactory();
        factory.setProperty(XMLInputFactory.SUPPORT_DTD, false);
        String name = file.getFileName().toString();
        double seconds = 0;
        int tests = 0;
        List<String> skipped = new ArrayList<>();
        String test = "";
        List<String> failed = new ArrayList<>();
        try (InputStream input = Files.newInputStream(file)) {
            XMLStreamReader xml = factory.createXMLStreamReader(input);
            while (xml.hasNext()) {
                if (xml.next() != XMLStreamConstants.START_ELEMENT) {
                    continue;
                }
                switch (xml.getLocalName()) {
                    case "testsuite" -> {
                        name = xml.getAttributeValue(null, "name");
                        seconds = Double.parseDouble(xml.getAttributeValue(null, "time").replace(",", ""));
                        tests = Integer.parseInt(xml.getAttributeValue(null, "tests"));
                    }
                    case "testcase" -> test = xml.getAttributeValue(null, "name");
                    case "skipped" -> skipped.add(test + firstLine(xml.getAttributeValue(null, "message")));
                    case "failure", "error" -> failed.add(test + firstLine(xml.getAttributeValue(null, "message")));
                    default -> {
                    }
                }
            }
        }
        return new TestClass(module, name, seconds, tests, skipped, failed);
    }

    private static String firstLine(@Nullable String message) {
        if (message == null || message.isBlank()) {
            return "";
        }
        String line = message.strip().lines().findFirst().orElseThrow();
        return ": " + (line.length() <= MESSAGE_MAX ? line : line.substring(0, MESSAGE_MAX) + " …");
    }

    static List<String> lines(List<TestClass> classes) {
        List<String> lines = new ArrayList<>();
        List<TestClass> slowest = classes.stream().sorted(Comparator.comparingDouble(TestClass::seconds).reversed())
                .limit(CLASSES_LISTED_MAX).toList();
        lines.add("");
        lines.add("%9s %6s  %-14s %s".formatted("seconds", "tests", "module", "slowest classes"));
        for (TestClass each : slowest) {
            lines.add("%9.1f %6d  %-14s %s".formatted(each.seconds(), each.tests(), each.module(), each.name()));
        }
        lines.add("%9.1f %6d  in %d classes, %d tests skipped".formatted(
                classes.stream().mapToDouble(TestClass::seconds).sum(),
                classes.stream().mapToInt(TestClass::tests).sum(), classes.size(),
                classes.stream().mapToInt(each -> each.skipped().size()).sum()));
        addNamed(lines, "skipped:", classes, TestClass::skipped);
        addNamed(lines, "failed:", classes, TestClass::failed);
        return lines;
    }

    private static void addNamed(List<String> lines, String title, List<TestClass> classes,
            Function<TestClass, List<String>> named) {
        if (classes.stream().allMatch(each -> named.apply(each).isEmpty())) {
            return;
        }
        lines.add("");
        lines.add(title);
        for (TestClass each : classes) {
            for (String test : named.apply(each)) {
                lines.add("  " + each.module() + " " + each.name() + "." + test);
            }
        }
    }
}
