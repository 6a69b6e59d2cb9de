package io.tidegrad.proof;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.reflect.Method;
import java.nio.file.Files;
import org.junit.jupiter.api.extension.AfterTestExecutionCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/// Writes a line for `ProofTable` to the module's build folder: the breaker, the test, and whether its oracle reported
/// the fault.
public final class ProofRecorder implements AfterTestExecutionCallback {
    @Override
    public void afterTestExecution(ExtensionContext context) {
        Method test = context.getRequiredTestMethod();
        Breaker breaker = test.getAnnotation(ProvesOracle.class).value();
        boolean reported = context.getExecutionException().isEmpty();
        String oracle = test.getDeclaringClass().getSimpleName() + "." + test.getName();
        try {
            Files.createDirectories(ProofTable.FOLDER);
            Files.writeString(ProofTable.FOLDER.resolve(breaker + "." + oracle),
                    breaker + "\t" + oracle + "\t" + reported + "\n");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
