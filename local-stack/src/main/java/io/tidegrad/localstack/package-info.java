@NullMarked
package io.tidegrad.localstack;

import org.jspecify.annotations.NullMarked;
