# Perl's Net::FTP over TLS: uploads and downloads that are compared, and all else it can do.
# Arguments: host, port, user, password, CA file, folder, TLS version, passive, direct, count.
use strict;
use warnings FATAL => 'all';
use IO::Socket::SSL;
use Net::FTP;

my ($host, $port, $user, $password, $ca, $folder, $version, $passive, $direct, $count) = @ARGV;
my $ftp = Net::FTP->new(
    $host, Port => $port, Passive => $passive, Timeout => 60, SSL => $direct,
    SSL_ca_file => $ca, SSL_verify_mode => SSL_VERIFY_PEER, SSL_verifycn_name => 'localhost',
    SSL_verifycn_scheme => 'ftp', SSL_version => $version,
) or die "connect: $@";
if (!$direct) { $ftp->starttls or die 'starttls: ', $ftp->message }
print 'version ', $ftp->get_sslversion, "\n";
sub check { my ($done, $what) = @_; $done or die "$what: ", $ftp->message }
check($ftp->login($user, $password), 'login');
check($ftp->prot('P'), 'prot');
check($ftp->binary, 'binary');
check($ftp->cwd($folder), 'cwd');

my $data = join '', map { chr(($_ * 7 + int($_ / 251)) % 256) } 1 .. 400_000;
for my $number (1 .. $count) {
    my $content = substr($data, 0, length($data) - $number);
    open my $in, '<:raw', \$content or die;
    check($ftp->put($in, "file$number"), "put $number");
    close $in;
}
for my $number (1, $count) {
    my $got = '';
    open my $out, '>:raw', \$got or die;
    check($ftp->get("file$number", $out), "get $number");
    close $out;
    $got eq substr($data, 0, length($data) - $number) or die "file$number differs";
}
check($ftp->size("file1") == length($data) - 1, 'size');
check(scalar(my @names = $ftp->ls) == $count, 'ls');
check(scalar($ftp->dir) >= $count, 'dir');
check($ftp->mkdir('made'), 'mkdir');
check($ftp->rename('file1', 'made/moved'), 'rename');
check($ftp->delete('made/moved'), 'delete');
check($ftp->rmdir('made'), 'rmdir');
open my $more, '<', \'more' or die;
check($ftp->append($more, 'file2'), 'append');
check($ftp->size('file2') == length($data) - 2 + 4, 'size of what was appended');
check($ftp->quit, 'quit');
print "done\n";
