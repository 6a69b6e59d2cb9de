package io.tidegrad.cli;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.model.Numerics;
import java.io.IOException;
import java.io.InputStream;
import java.util.Properties;
import picocli.CommandLine.IVersionProvider;

/// Version, JVM and kernels: what a report of a problem should begin with.
final class Version implements IVersionProvider {
    @Override
    public String[] getVersion() throws IOException {
        return new String[] {
            "tidegrad "
                    + ofBuild()
                    + " (JDK "
                    + Runtime.version()
                    + ", kernels "
                    + Kernels.active().name()
                    + ", numerics "
                    + Numerics.VERSION
                    + ")"
        };
    }

    private static String ofBuild() throws IOException {
        Properties build = new Properties();
        try (InputStream in = Version.class.getResourceAsStream("build.properties")) {
            build.load(in);
        }
        return build.getProperty("version");
    }
}
