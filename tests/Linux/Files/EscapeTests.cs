using Jitvmm.Linux;
using Jitvmm.Linux.Files;

namespace Jitvmm.Tests.Linux.Files;

/// <summary>Ways out of the view that must lead nowhere.</summary>
public sealed class EscapeTests : IDisposable
{
    private const int ReadWrite = 2;
    private const int WriteOnly = 1;
    private const int Create = 0x40;
    private const int DirectoryFlag = 0x10000;
    private const int PathFlag = 0x200000;

    private readonly ViewFixture _guest = new();

    public void Dispose() => _guest.Dispose();

    [Theory]
    [InlineData("../secret/key")]
    [InlineData("../../../../../../../../tmp/{0}/secret/key")]
    [InlineData("/proc/self/cwd/../secret/key")]
    [InlineData("/proc/self/root/../tmp/{0}/secret/key")]
    [InlineData("/proc/self/cwd/../../../tmp/{0}/secret/key")]
    [InlineData("/dev/fd/../cwd/../secret/key")]
    [InlineData("/proc/thread-self/cwd/../secret/key")]
    [InlineData("/dev/shm/../../tmp/{0}/secret/key")]
    public void Paths_upward(string path) =>
        Assert.Equal("ENOENT", _guest.Read(string.Format(path, Path.GetFileName(_guest.Base))));

    [Fact]
    public void Descriptors_of_directories()
    {
        int fd = _guest.Open(".", DirectoryFlag);
        Assert.Equal("ENOENT", _guest.Text(_guest.OpenAt(fd, "../secret/key")));
        Assert.Equal("ENOENT", _guest.Text(_guest.OpenAt(fd, $"../../../tmp/{Path.GetFileName(_guest.Base)}/secret/key")));
        int path = _guest.Open(".", DirectoryFlag | PathFlag);
        Assert.Equal("ENOENT", _guest.Text(_guest.OpenAt(path, "../secret/key")));
        Assert.Equal("ENOENT", _guest.Read($"/proc/self/fd/{path}/../secret/key"));
        int root = _guest.Open("/", DirectoryFlag | PathFlag);
        Assert.Equal("ENOENT", _guest.Text(_guest.OpenAt(root, _guest.Secret[1..] + "/key")));
        Assert.Equal("ENOENT", _guest.Text(_guest.OpenAt(root, "proc/1/environ")));
        Assert.Equal("ENOENT", _guest.Text(_guest.OpenAt(root, "dev/mem")));
        int above = _guest.Open("..", DirectoryFlag);
        Assert.Equal("ENOENT", _guest.Text(_guest.OpenAt(above, "secret/key")));
    }

    [Fact]
    public void Descriptors_of_the_VMM()
    {
        using FileStream own = File.OpenRead(Path.Combine(_guest.Secret, "key"));
        long number = own.SafeFileHandle.DangerousGetHandle();
        Assert.Equal("ENOENT", _guest.Read($"/proc/self/fd/{number}"));
        Assert.Equal("ENOENT", _guest.Read($"/dev/fd/{number}"));
        Assert.Equal("ENOENT", _guest.Read($"/proc/{Environment.ProcessId}/fd/{number}"));
        Assert.Equal("ENOENT", _guest.Read($"/proc/{Environment.ProcessId}/mem"));
        Assert.Equal("ENOENT", _guest.Read($"/proc/{Environment.ProcessId}/root/proc/1/environ"));
        Assert.Equal("ENOENT", _guest.Read($"/proc/self/task/{Environment.ProcessId}/mem"));
        Assert.Equal("ENOENT", _guest.Read("/proc/self/map_files"));
    }

    [Fact]
    public void Opening_a_read_only_descriptor_anew_for_writing()
    {
        int fd = _guest.Open("/etc/hostname");
        Assert.Equal(-Errno.EROFS, _guest.Open($"/proc/self/fd/{fd}", ReadWrite));
        int path = _guest.Open("/etc/hostname", PathFlag);
        Assert.Equal(-Errno.EROFS, _guest.Open($"/proc/self/fd/{path}", WriteOnly));
        Assert.True(_guest.Open($"/proc/self/fd/{path}") >= 0);
    }

    [Fact]
    public void Inherited_descriptors_keep_their_rights()
    {
        using FileStream input = File.OpenRead(Path.Combine(_guest.Secret, "key"));
        int fd = _guest.Files.Inherit((int)input.SafeFileHandle.DangerousGetHandle(), 9);
        Assert.Equal(-Errno.EACCES, _guest.Open($"/proc/self/fd/{fd}", WriteOnly));
        Assert.Equal("secret", _guest.Read($"/proc/self/fd/{fd}"));
        Assert.False(_guest.Files.Table.Acquire(fd)!.MayChangeInode);
    }

    [Fact]
    public void Device_nodes_outside_dev()
    {
        string node = Path.Combine(_guest.Work, "null");
        using System.Diagnostics.Process made = System.Diagnostics.Process.Start("mknod", [node, "c", "1", "3"]);
        made.WaitForExit();
        Assert.Equal(made.ExitCode == 0 ? -Errno.EACCES : -Errno.ENOENT, _guest.Open("null"));
        if (made.ExitCode == 0)
        {
            int path = _guest.Open("null", PathFlag);
            Assert.Equal(-Errno.EACCES, _guest.Open($"/proc/self/fd/{path}"));
        }
    }

    [Fact]
    public void Symbolic_link_swapped_in_a_loop()
    {
        string name = Path.Combine(_guest.Work, "swap");
        string inside = Path.Combine(_guest.Work, "inside");
        Directory.CreateDirectory(inside);
        File.WriteAllText(Path.Combine(inside, "key"), "inside");
        Race(
            () =>
            {
                Directory.CreateDirectory(name);
                File.WriteAllText(name + "/key", "inside");
                Directory.Delete(name, recursive: true);
                File.CreateSymbolicLink(name, _guest.Secret);
                File.Delete(name);
                File.CreateSymbolicLink(name, "../secret");
                File.Delete(name);
            },
            () => Assert.NotEqual("secret", _guest.Read("swap/key")));
    }

    [Fact]
    public void Directory_moved_while_going_up()
    {
        Directory.CreateDirectory(Path.Combine(_guest.Work, "a/b/c/d"));
        string deep = Path.Combine(_guest.Work, "a/b/c");
        string shallow = Path.Combine(_guest.Work, "c");
        Race(
            () =>
            {
                Directory.Move(deep, shallow);
                Directory.Move(shallow, deep);
            },
            () =>
            {
                Assert.NotEqual("secret", _guest.Read("a/b/c/d/../../../../../secret/key"));
                int fd = _guest.Open("a/b/c/d", DirectoryFlag);
                if (fd >= 0)
                {
                    Assert.NotEqual("secret", _guest.Text(_guest.OpenAt(fd, "../../../../../secret/key")));
                    Assert.NotEqual("secret", _guest.Text(_guest.OpenAt(fd, "../../../secret/key")));
                    _guest.Files.Table.Close(fd);
                }
            });
    }

    [Fact]
    public void Creation_races_a_link_outward()
    {
        string name = Path.Combine(_guest.Work, "out");
        Race(
            () =>
            {
                File.CreateSymbolicLink(name, _guest.Secret);
                File.Delete(name);
                Directory.CreateDirectory(name);
                Directory.Delete(name, recursive: true);
            },
            () =>
            {
                int fd = _guest.Open("out/made", WriteOnly | Create);
                if (fd >= 0)
                {
                    _guest.Files.Table.Close(fd);
                    try
                    {
                        File.Delete(Path.Combine(name, "made"));
                    }
                    catch (DirectoryNotFoundException)
                    {
                        // The other side has removed it, or puts the link there just now.
                    }
                }
            });
        Assert.False(File.Exists(Path.Combine(_guest.Secret, "made")));
    }

    [Fact]
    public void Read_only_binds_stay_read_only()
    {
        using ViewFixture guest = new(self => new ViewOptions
        {
            Binds = [new ViewBind(self.Secret, "/data", true), new ViewBind(self.Secret, "/rw", false), new ViewBind(self.Secret + "/key", "/one", true)],
        });
        Assert.Equal("secret", guest.Read("/data/key"));
        Assert.Equal("secret", guest.Read("/one"));
        Assert.Equal(-Errno.EROFS, guest.Open("/data/key", WriteOnly));
        Assert.Equal(-Errno.EROFS, guest.Open("/data/new", WriteOnly | Create));
        Assert.Equal(-Errno.EROFS, guest.Open("/one", WriteOnly));
        Assert.True(guest.Open("/rw/new", WriteOnly | Create) >= 0);
        Assert.Equal(-Errno.ENOENT, guest.Open("/data/../secret"));
    }

    [Fact]
    public void A_root_of_its_own_hides_the_host()
    {
        using ViewFixture guest = new(self => new ViewOptions { Root = self.Secret });
        Assert.Equal("secret", guest.Read("/key"));
        Assert.Equal("secret", guest.Read("/../../key"));
        Assert.Equal("ENOENT", guest.Read("/etc/passwd"));
        Assert.Equal(-Errno.EROFS, guest.Open("/key", WriteOnly));
    }

    /// <summary>Runs <paramref name="attack"/> while another thread repeats <paramref name="change"/>.</summary>
    private static void Race(Action change, Action attack)
    {
        using CancellationTokenSource stop = new();
        Exception? failure = null;
        Thread changer = new(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                try
                {
                    change();
                }
                catch (IOException)
                {
                    // The attack made a file in what is being removed; the next turn starts over.
                }
                catch (Exception error)
                {
                    failure = error;
                    return;
                }
            }
        });
        changer.Start();
        try
        {
            for (int i = 0; i < 3000; i++)
            {
                attack();
            }
        }
        finally
        {
            stop.Cancel();
            changer.Join();
        }

        Assert.Null(failure);
    }
}
