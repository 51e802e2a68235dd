using Jitvmm.Linux;
using Jitvmm.Linux.Files;

namespace Jitvmm.Tests.Linux.Files;

public sealed class ViewTests : IDisposable
{
    private const int WriteOnly = 1;
    private const int Create = 0x40;
    private const int Exclusive = 0x80;
    private const int Truncate = 0x200;
    private const int DirectoryFlag = 0x10000;
    private const int NoFollow = 0x20000;

    private readonly ViewFixture _guest = new();

    public void Dispose() => _guest.Dispose();

    [Fact]
    public void The_host_is_readable_and_not_writable()
    {
        Assert.StartsWith("root:", _guest.Read("/etc/passwd"), StringComparison.Ordinal);
        Assert.Equal(-Errno.EROFS, _guest.Open("/etc/passwd", WriteOnly));
        Assert.Equal(-Errno.EROFS, _guest.Open("/etc/passwd", Truncate));
        Assert.Equal(-Errno.EROFS, _guest.Open("/etc/jitvmm-new", WriteOnly | Create));
        Assert.Equal(-Errno.EEXIST, _guest.Open("/etc/passwd", Create | Exclusive));
        Assert.Equal(-Errno.EISDIR, _guest.Open("/etc", WriteOnly));
        Assert.Equal(-Errno.ENOTDIR, _guest.Open("/etc/passwd/"));
        Assert.Equal(-Errno.ENOTDIR, _guest.Open("/etc/passwd", DirectoryFlag));
    }

    [Fact]
    public void An_existing_read_only_file_opens_with_create() => Assert.True(_guest.Open("/etc/passwd", Create) >= 0);

    [Fact]
    public void The_current_directory_is_writable()
    {
        int fd = _guest.Open("new", WriteOnly | Create);
        Assert.Equal(2, _guest.Write(fd, "hi"));
        Assert.Equal("hi", File.ReadAllText(Path.Combine(_guest.Work, "new")));
        Assert.Equal("hi", _guest.Read(Path.Combine(_guest.Work, "new")));
        Assert.Equal("hi", _guest.Read("./../work/./new"));
    }

    [Fact]
    public void Tmp_is_private()
    {
        int fd = _guest.Open("/tmp/private", WriteOnly | Create);
        Assert.True(fd >= 0);
        Assert.False(File.Exists("/tmp/private"));
        Assert.Equal("ENOENT", _guest.Read(_guest.Secret + "/key"));
    }

    [Fact]
    public void Symbolic_links_resolve_in_the_view()
    {
        File.WriteAllText(Path.Combine(_guest.Work, "file"), "text");
        Directory.CreateDirectory(Path.Combine(_guest.Work, "dir"));
        File.CreateSymbolicLink(Path.Combine(_guest.Work, "dir/up"), "../file");
        File.CreateSymbolicLink(Path.Combine(_guest.Work, "abs"), _guest.Work + "/dir/up");
        File.CreateSymbolicLink(Path.Combine(_guest.Work, "escape"), _guest.Secret + "/key");
        File.CreateSymbolicLink(Path.Combine(_guest.Work, "loop"), "loop");
        File.CreateSymbolicLink(Path.Combine(_guest.Work, "d"), "dir");
        Assert.Equal("text", _guest.Read("dir/up"));
        Assert.Equal("text", _guest.Read("abs"));
        Assert.Equal("text", _guest.Read("d/up"));
        Assert.Equal("text", _guest.Read("d/../file"));
        Assert.Equal("text", _guest.Read("d/.././d/up"));
        Assert.Equal("ENOENT", _guest.Read("escape"));
        Assert.Equal("ELOOP", _guest.Read("loop"));
        Assert.Equal(-Errno.ELOOP, _guest.Open("abs", NoFollow));
        Assert.True(_guest.Open("d/", NoFollow) >= 0);
        Assert.Equal(-Errno.ENOTDIR, _guest.Open("abs/"));
    }

    [Fact]
    public void Creating_through_a_dangling_link_makes_its_target()
    {
        File.CreateSymbolicLink(Path.Combine(_guest.Work, "dangling"), "made");
        Assert.Equal(-Errno.EEXIST, _guest.Open("dangling", WriteOnly | Create | Exclusive));
        Assert.True(_guest.Open("dangling", WriteOnly | Create) >= 0);
        Assert.True(File.Exists(Path.Combine(_guest.Work, "made")));
        Assert.Equal(-Errno.EISDIR, _guest.Open("slash/", WriteOnly | Create));
    }

    [Fact]
    public void Dot_dot_from_a_renamed_directory_is_its_parent_now()
    {
        Directory.CreateDirectory(Path.Combine(_guest.Work, "a/b"));
        Directory.CreateDirectory(Path.Combine(_guest.Work, "c"));
        File.WriteAllText(Path.Combine(_guest.Work, "c/here"), "here");
        int fd = _guest.Open("a/b", DirectoryFlag);
        Directory.Move(Path.Combine(_guest.Work, "a/b"), Path.Combine(_guest.Work, "c/b"));
        OpenFile start = _guest.Files.Table.Acquire(fd)!;
        Assert.Equal(0, _guest.Files.Open(start, "../here"u8, 0, 0, null, out OpenFile? file));
        file!.Release();
        start.Release();
    }

    [Fact]
    public void Devices_are_the_harmless_ones()
    {
        Assert.True(_guest.Open("/dev/null", WriteOnly) >= 0);
        Assert.True(_guest.Open("/dev/urandom") >= 0);
        Assert.Equal(-Errno.ENOENT, _guest.Open("/dev/mem"));
        Assert.Equal(-Errno.ENOENT, _guest.Open("/dev/kmsg"));
        Assert.Equal(-Errno.ENOENT, _guest.Open("/dev/vda"));
        Assert.True(_guest.Open("/dev/shm/x", WriteOnly | Create) >= 0);
        Assert.False(File.Exists("/dev/shm/x"));
    }

    [Fact]
    public void Proc_shows_the_guest()
    {
        Assert.Equal("fake\0", _guest.Read("/proc/self/cmdline"));
        Assert.Contains("/bin/true", _guest.Read("/proc/self/maps"), StringComparison.Ordinal);
        Assert.Contains("(fake)", _guest.Read($"/proc/{Environment.ProcessId}/stat"), StringComparison.Ordinal);
        Assert.Contains("Name:\tfake", _guest.Read("/proc/self/status"), StringComparison.Ordinal);
        Assert.Contains("processor\t: 0", _guest.Read("/proc/cpuinfo"), StringComparison.Ordinal);
        Assert.Contains(" /proc proc ", _guest.Read("/proc/mounts"), StringComparison.Ordinal);
        Assert.Contains("MemTotal", _guest.Read("/proc/meminfo"), StringComparison.Ordinal);
        Assert.Contains("Linux", _guest.Read("/proc/sys/kernel/ostype"), StringComparison.Ordinal);
        Assert.NotEqual("ENOENT", _guest.Read("/proc/self/limits"));
        Assert.Equal("ENOENT", _guest.Read("/proc/1/cmdline"));
        Assert.Equal("ENOENT", _guest.Read("/proc/self/mem"));
        Assert.Equal("ENOENT", _guest.Read("/proc/kcore"));
        Assert.Equal("EACCES", Errno.NameOf(-_guest.Open("/proc/self/maps", WriteOnly)));
    }

    [Fact]
    public void Sys_shows_only_processors()
    {
        Assert.NotEmpty(_guest.Read("/sys/devices/system/cpu/online"));
        Assert.Equal("ENOENT", _guest.Read("/sys/kernel/uevent_helper"));
        Assert.Equal("ENOENT", _guest.Read("/sys/devices/system/cpu/../../../class"));
    }

    [Fact]
    public void Long_paths_are_refused()
    {
        Assert.Equal(-Errno.ENAMETOOLONG, _guest.Open(new string('a', 4096)));
        Assert.Equal(-Errno.ENAMETOOLONG, _guest.Open(new string('a', 256)));
        Assert.Equal(-Errno.ENOENT, _guest.Open(""));
        Assert.True(_guest.Open(string.Concat(Enumerable.Repeat("./", 2000))) >= 0);
        string link = Path.Combine(_guest.Work, "long");
        File.CreateSymbolicLink(link, string.Concat(Enumerable.Repeat("./", 2000)) + "long");
        Assert.Equal(-Errno.ELOOP, _guest.Open("long"));
        Assert.Equal(-Errno.ENAMETOOLONG, _guest.Open(string.Concat(Enumerable.Repeat("long/", 100))));
    }
}
