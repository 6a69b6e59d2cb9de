package io.tidegrad.proof;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TestReportTest {
    @TempDir
    private Path root;

    private void report(String module, String name, String time, String cases) throws IOException {
        Path folder = Files.createDirectories(root.resolve(module).resolve("target/reports"));
        Files.writeString(folder.resolve("TEST-" + name + ".xml"), """
                <?xml version="1.0" encoding="UTF-8"?>
                <testsuite name="%s" time="%s" tests="3" errors="1" skipped="1" failures="1">
                  <properties><property name="java.home" value="/jdk"/></properties>
                  %s
                </testsuite>
                """.formatted(name, time, cases));
    }

    @Test
    void theSlowestClassesComeFirstAndAllThatFailedOrWasSkippedIsNamed() throws Exception {
        report("engine", "a.QuickTest", "0.5", "<testcase name=\"holds\" classname=\"a.QuickTest\"/>");
        report("model", "b.SlowTest", "1,234.5", """
                <testcase name="fails"><failure message="&#10;expected 1&#10;but was 2" type="t">trace</failure></testcase>
                <testcase name="breaks"><error type="java.io.IOException">trace</error></testcase>
                <testcase name="waits"><skipped/></testcase>
                <testcase name="needs"><skipped message="Assumption failed: no python3&#10;more"/></testcase>
                """);

        assertThat(TestReport.lines(TestReport.read(root, "reports"))).containsExactly("",
                "  seconds  tests  module         slowest classes", "   1234.5      3  model          b.SlowTest",
                "      0.5      3  engine         a.QuickTest", "   1235.0      6  in 2 classes, 2 tests skipped", "",
                "skipped:", "  model b.SlowTest.waits", "  model b.SlowTest.needs: Assumption failed: no python3", "",
                "failed:", "  model b.SlowTest.fails: expected 1", "  model b.SlowTest.breaks");
    }

    @Test
    void thirtyClassesAreListedAndAllAreCounted() throws Exception {
        for (int i = 0; i < 31; i++) {
            report("engine", "a.Test" + i, "1", "");
        }
        assertThat(TestReport.lines(TestReport.read(root, "reports"))).hasSize(33).last()
                .isEqualTo("     31.0     93  in 31 classes, 0 tests skipped");
    }
}
