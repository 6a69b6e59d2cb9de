package io.tidegrad.cli;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.model.Numerics;
import io.tidegrad.schemas.Build;
import picocli.CommandLine.IVersionProvider;

/// Shows version, JVM and kernels, which belong into every report of a problem.
final class Version implements IVersionProvider {
    @Override
    public String[] getVersion() {
        return new String[]{"tidegrad " + Build.version() + " (JDK " + Runtime.version() + ", kernels "
                + Kernels.active().name() + ", numerics " + Numerics.VERSION + ")"};
    }
}
