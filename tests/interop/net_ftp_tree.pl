# Perl's Net::FTP over TLS: a tree up and down again, with NLST, SIZE and MDTM alone, and away.
# Arguments: host, port, user, password, CA file, folder there, folder here, and one for what
# returns. It prints the name that STOU gave.
use strict;
use warnings FATAL => 'all';
use IO::Socket::SSL;
use Net::FTP;

my ($host, $port, $user, $password, $ca, $there, $here, $back) = @ARGV;
my $ftp = Net::FTP->new(
    $host, Port => $port, Passive => 1, Timeout => 60,
    SSL_ca_file => $ca, SSL_verify_mode => SSL_VERIFY_PEER, SSL_verifycn_name => 'localhost',
    SSL_verifycn_scheme => 'ftp',
) or die "connect: $@";
sub check { my ($done, $what) = @_; $done or die "$what: ", $ftp->message }
check($ftp->starttls, 'starttls');
check($ftp->login($user, $password), 'login');
check($ftp->prot('P'), 'prot');
check($ftp->binary, 'binary');
check($ftp->feature('MFMT'), 'feature');

sub stamp {
    my @utc = gmtime shift;
    return sprintf '%04d%02d%02d%02d%02d%02d', $utc[5] + 1900, $utc[4] + 1, @utc[3, 2, 1, 0];
}

sub up {
    my ($from, $to) = @_;
    opendir my $list, $from or die "$from: $!";
    for my $name (grep { !/^\.\.?$/ } readdir $list) {
        if (-d "$from/$name") {
            check($ftp->mkdir("$to/$name"), "mkdir $to/$name");
            up("$from/$name", "$to/$name");
        } else {
            check($ftp->put("$from/$name", "$to/$name"), "put $to/$name");
            my $stamp = stamp((stat "$from/$name")[9]);
            check($ftp->quot('MFMT', $stamp, "$to/$name") == 2, "MFMT $to/$name");
        }
    }
}

# NLST says names in the folder it is sent in. Only of files there is a size.
sub down {
    my ($from, $to) = @_;
    check($ftp->cwd($from), "cwd $from");
    for my $name ($ftp->ls('-a')) {
        next if $name =~ /^\.\.?$/;
        my $size = $ftp->size("$from/$name");
        if (!defined $size) {
            mkdir "$to/$name" or die "mkdir $to/$name: $!";
            down("$from/$name", "$to/$name");
            check($ftp->cwd($from), "cwd $from");
            check($ftp->rmdir("$from/$name"), "rmdir $from/$name");
        } else {
            check($ftp->get("$from/$name", "$to/$name"), "get $from/$name");
            $size == -s "$to/$name" or die "size of $from/$name";
            my $time = $ftp->mdtm("$from/$name");
            utime $time, $time, "$to/$name";
            check($ftp->delete("$from/$name"), "delete $from/$name");
        }
    }
}

check($ftp->mkdir("$there/tree", 1), 'mkdir');
up($here, "$there/tree");
check($ftp->site('CHMOD', '700', "$there/tree") == 2, 'SITE CHMOD');
down("$there/tree", $back);

check($ftp->ascii, 'ascii');
my $text = "one\ntwo\n";
open my $in, '<', \$text or die;
check($ftp->put($in, "$there/text"), 'put text');
my $got = '';
open my $out, '>', \$got or die;
check($ftp->get("$there/text", $out), 'get text');
$got eq $text or die 'text differs';
open my $again, '<', \$text or die;
check($ftp->cwd($there), 'cwd');
my $unique = $ftp->put_unique($again, 'text');
check($unique, 'put_unique');
check($ftp->quit, 'quit');
print "$unique\n";
