package io.tidegrad.proof;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.reflect.Method;
import java.nio.file.Files;
import org.junit.jupiter.api.extension.AfterTestExecutionCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/// Leaves a line for `ProofTable` in the module's build folder: which breaker, which test, whether its oracle reported.
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
