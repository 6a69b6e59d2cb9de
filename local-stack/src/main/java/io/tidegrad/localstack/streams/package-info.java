@NullMarked
package io.tidegrad.localstack.streams;

import org.jspecify.annotations.NullMarked;
