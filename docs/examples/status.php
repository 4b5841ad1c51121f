<?php
// Prints the processes of a flow that are red or unknown, each with the check that says so. Exit code 0: none.
// SIGNALBOX_URL=http://127.0.0.1:3000 SIGNALBOX_TOKEN=… php status.php helicopter-rdf

declare(strict_types=1);

$url = rtrim(getenv('SIGNALBOX_URL') ?: 'http://127.0.0.1:3000', '/') . '/status';
if (isset($argv[1])) {
    $url .= '?flow=' . rawurlencode($argv[1]);
}
$context = stream_context_create(['http' => [
    'header' => 'Authorization: Bearer ' . getenv('SIGNALBOX_TOKEN'),
    'timeout' => 10,
    'ignore_errors' => true,
    'follow_location' => 0,
]]);
$body = @file_get_contents($url, false, $context);
if ($body === false) {
    fwrite(STDERR, "Nothing could be read from $url\n");
    exit(3);
}
$status = json_decode($body, true);
if (!isset($status['flows'])) {
    // RFC 9457: `detail` is a sentence, and the log of the portal knows the request by its id.
    fwrite(STDERR, ($status['detail'] ?? 'This is no status.') . ' ' . ($status['requestId'] ?? '') . "\n");
    exit(3);
}
if ($status['scheduler']['stalled']) {
    echo "Nobody runs the checks: what follows may be old.\n";
}
$bad = 0;
foreach ($status['flows'] as $flow) {
    foreach ($flow['processes'] as $process) {
        if (!in_array($process['state'], ['FAILED', 'UNKNOWN'], true)) {
            continue;
        }
        $bad++;
        $check = $process['because'][0] ?? [];
        printf("%s %s (%s): %s\n", $process['state'], $process['name'], $process['role'], $check['message'] ?? $check['check'] ?? '');
    }
}
exit($bad > 0 || $status['scheduler']['stalled'] ? 2 : 0);
