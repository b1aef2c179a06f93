package org.elasticmq.util;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;

/**
 * In the place of ElasticMQ's own, by which it judges visibility and deduplication: the system's time, and as many milliseconds
 * more as a file says (system property drover.time.file). The moment when a message was sent it asks of the system itself.
 */
public class NowProvider {
    private static final Path file = Path.of(System.getProperty("drover.time.file"));

    public long nowMillis() {
        try {
            return System.currentTimeMillis() + Long.parseLong(Files.readString(file));
        } catch (IOException error) {
            throw new IllegalStateException(error);
        }
    }

    public OffsetDateTime now() {
        return Instant.ofEpochMilli(nowMillis()).atOffset(ZoneOffset.UTC);
    }
}
