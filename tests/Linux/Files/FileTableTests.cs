using Jitvmm.Linux;
using Jitvmm.Linux.Files;

namespace Jitvmm.Tests.Linux.Files;

public sealed class FileTableTests : IDisposable
{
    private readonly ViewFixture _guest = new();

    private FileTable Table => _guest.Files.Table;

    public void Dispose() => _guest.Dispose();

    [Fact]
    public void Numbers_are_the_lowest_free_ones()
    {
        Assert.Equal(0, _guest.Open("/dev/null"));
        Assert.Equal(1, _guest.Open("/dev/null"));
        Assert.Equal(2, _guest.Open("/dev/null"));
        Assert.Equal(0, Table.Close(1));
        Assert.Equal(1, Table.Duplicate(0, 0, closeOnExec: false));
        Assert.Equal(100, Table.Duplicate(0, 100, closeOnExec: true));
        Assert.Equal(3, Table.Duplicate(0, 0, closeOnExec: false));
    }

    [Fact]
    public void Closed_and_absurd_numbers_are_bad()
    {
        Assert.Null(Table.Acquire(-1));
        Assert.Null(Table.Acquire(0));
        Assert.Null(Table.Acquire(int.MaxValue));
        Assert.Equal(-Errno.EBADF, Table.Close(int.MinValue));
        Assert.Equal(-Errno.EBADF, Table.Duplicate(7, 0, closeOnExec: false));
    }

    [Fact]
    public void Exec_closes_what_is_marked()
    {
        int kept = _guest.Open("/dev/null");
        int marked = Table.Duplicate(kept, 70, closeOnExec: true);
        Table.CloseOnExec();
        Assert.Equal(0, Table.GetCloseOnExec(kept));
        Assert.Equal(-Errno.EBADF, Table.GetCloseOnExec(marked));
    }

    [Fact]
    public void Duplicating_onto_a_number_replaces_it_and_clears_close_on_exec()
    {
        int first = _guest.Open("/dev/null");
        int second = Table.Duplicate(first, 5, closeOnExec: true);
        Assert.Equal(5, Table.DuplicateTo(first, second, closeOnExec: false));
        Assert.Equal(0, Table.GetCloseOnExec(5));
        Assert.Equal(-Errno.EBADF, Table.DuplicateTo(first, 256, closeOnExec: false));
    }

    [Fact]
    public void The_limit_gives_EMFILE()
    {
        Table.Limit = 2;
        Assert.Equal(0, _guest.Open("/dev/null"));
        Assert.Equal(1, _guest.Open("/dev/null"));
        Assert.Equal(-Errno.EMFILE, _guest.Open("/dev/null"));
        Assert.Equal(-Errno.EMFILE, Table.Duplicate(0, 2, closeOnExec: false));
    }

    [Fact]
    public void Ranges_close_and_mark()
    {
        for (int i = 0; i < 100; i++)
        {
            _guest.Open("/dev/null");
        }

        Table.MarkRangeCloseOnExec(90, uint.MaxValue);
        Table.CloseRange(10, 80);
        Assert.Equal([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 81, 82], Table.OpenNumbers()[..12]);
        Table.CloseOnExec();
        Assert.Equal(89, Table.OpenNumbers()[^1]);
    }

    [Fact]
    public void A_file_in_use_outlives_its_number()
    {
        int fd = _guest.Open("/dev/zero");
        OpenFile file = Table.Acquire(fd)!;
        Table.Close(fd);
        Assert.Null(Table.Acquire(fd));

        // The host number is still this file's: nothing else can have got it.
        Assert.Equal(1, HostSyscall.Raw(72, (ulong)file.HostFd, 1));
        file.Release();
    }

    [Fact]
    public void Threads_opening_and_closing_do_not_lose_numbers()
    {
        Parallel.For(0, 4, _ =>
        {
            for (int i = 0; i < 2000; i++)
            {
                int fd = _guest.Open("/dev/null");
                Assert.InRange(fd, 0, 8);
                Assert.Equal(0, Table.Close(fd));
            }
        });
        Assert.Empty(Table.OpenNumbers());
    }
}
