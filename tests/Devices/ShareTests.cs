using System.Buffers.Binary;
using System.Text;
using Jitvmm.Devices.State;
using Jitvmm.Devices.Virtio;

namespace Jitvmm.Tests.Devices;

/// <summary>The 9P server through its virtio queue, with the messages Linux's v9fs sends.</summary>
public sealed class ShareTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("share").FullName;
    private readonly List<IDisposable> _open = [];

    public void Dispose()
    {
        _open.ForEach(item => item.Dispose());

        // .NET cannot name what the random test makes: file names that are not UTF-8.
        System.Diagnostics.Process.Start("rm", ["-rf", _folder]).WaitForExit();
    }

    [Fact]
    public void Files_are_found_read_and_written()
    {
        File.WriteAllText(Path.Combine(_folder, "f"), "hello");
        VirtioDriver driver = Mount();
        Assert.Equal(111, Call(driver, 110, Walk(0, 1, "f"))[4]);
        byte[] attributes = Call(driver, 24, [.. U32(1), .. U64(0x7ff)]);
        Assert.Equal(25, attributes[4]);
        Assert.Equal(5ul, BinaryPrimitives.ReadUInt64LittleEndian(attributes.AsSpan(7 + 8 + 13 + 12 + 16)));
        Assert.Equal(13, Call(driver, 12, [.. U32(1), .. U32(2)])[4]);
        byte[] read = Call(driver, 116, [.. U32(1), .. U64(1), .. U32(100)]);
        Assert.Equal("ello", Encoding.ASCII.GetString(read, 11, 4));
        Assert.Equal(119, Call(driver, 118, [.. U32(1), .. U64(5), .. U32(2), (byte)'!', (byte)'!'])[4]);
        Assert.Equal(121, Call(driver, 120, U32(1))[4]);
        Assert.Equal("hello!!", File.ReadAllText(Path.Combine(_folder, "f")));
    }

    [Fact]
    public void Files_and_folders_are_made_listed_renamed_and_removed()
    {
        VirtioDriver driver = Mount();
        Assert.Equal(111, Call(driver, 110, Walk(0, 1))[4]);
        Assert.Equal(15, Call(driver, 14, [.. U32(1), .. Text("new"), .. U32(2 | 0x40), .. U32(0x1ff | 0xe00), .. U32(0)])[4]);
        Assert.Equal(0, (int)(File.GetUnixFileMode(Path.Combine(_folder, "new")) & (UnixFileMode.SetUser | UnixFileMode.SetGroup)));
        Assert.Equal(73, Call(driver, 72, [.. U32(0), .. Text("dir"), .. U32(0x1ff), .. U32(0)])[4]);
        Assert.Equal(75, Call(driver, 74, [.. U32(0), .. Text("new"), .. U32(0), .. Text("old")])[4]);
        Assert.Equal(111, Call(driver, 110, Walk(0, 2))[4]);
        Assert.Equal(13, Call(driver, 12, [.. U32(2), .. U32(0)])[4]);
        string listing = Encoding.ASCII.GetString(Call(driver, 40, [.. U32(2), .. U64(0), .. U32(4000)]));
        Assert.Contains("old", listing, StringComparison.Ordinal);
        Assert.Contains("dir", listing, StringComparison.Ordinal);
        Assert.Equal(77, Call(driver, 76, [.. U32(0), .. Text("old"), .. U32(0)])[4]);
        Assert.Equal(77, Call(driver, 76, [.. U32(0), .. Text("dir"), .. U32(0x200)])[4]);
        Assert.Empty(Directory.GetFileSystemEntries(_folder));
    }

    [Theory]
    [InlineData("..")]
    [InlineData(".")]
    [InlineData("../etc")]
    [InlineData("a/b")]
    [InlineData("a\0b")]
    [InlineData("")]
    public void Names_that_lead_elsewhere_are_refused(string name)
    {
        VirtioDriver driver = Mount();
        Assert.Equal(7, Call(driver, 110, Walk(0, 1, name))[4]);
        Assert.Equal(7, Call(driver, 72, [.. U32(0), .. Text(name), .. U32(0x1ff), .. U32(0)])[4]);
    }

    [Fact]
    public void Links_are_not_followed_out_of_the_share()
    {
        File.CreateSymbolicLink(Path.Combine(_folder, "link"), "/etc");
        VirtioDriver driver = Mount();
        Assert.Equal(111, Call(driver, 110, Walk(0, 1, "link"))[4]);
        Assert.Equal("/etc", Encoding.ASCII.GetString(Call(driver, 22, U32(1)), 9, 4));
        Assert.Equal(7, Call(driver, 12, [.. U32(1), .. U32(0)])[4]);
        byte[] partial = Call(driver, 110, Walk(0, 2, "link", "passwd"));
        Assert.Equal(111, partial[4]);
        Assert.Equal(1, partial[7]);
        Assert.Equal(7, Call(driver, 24, [.. U32(2), .. U64(0x7ff)])[4]);
    }

    [Fact]
    public void Device_nodes_and_changes_to_a_read_only_share_are_refused()
    {
        VirtioDriver driver = Mount();
        Assert.Equal(7, Call(driver, 18, [.. U32(0), .. Text("null"), .. U32(0x2000 | 0x1b6), .. U32(1), .. U32(3), .. U32(0)])[4]);
        VirtioDriver readOnly = Mount(isReadOnly: true);
        Assert.Equal(7, Call(readOnly, 72, [.. U32(0), .. Text("dir"), .. U32(0x1ff), .. U32(0)])[4]);
        Assert.Empty(Directory.GetFileSystemEntries(_folder));
    }

    [Fact]
    public void Creating_over_a_pipe_does_not_wait_for_its_other_end()
    {
        VirtioDriver driver = Mount();
        Assert.Equal(19, Call(driver, 18, [.. U32(0), .. Text("pipe"), .. U32(0x1000 | 0x1b6), .. U32(0), .. U32(0), .. U32(0)])[4]);
        foreach (uint access in (uint[])[0, 1, 2])
        {
            Assert.Equal(111, Call(driver, 110, Walk(0, 1))[4]);
            Assert.Equal(7, Call(driver, 14, [.. U32(1), .. Text("pipe"), .. U32(access | 0x40), .. U32(0x1b6), .. U32(0)])[4]);
            Assert.Equal(121, Call(driver, 120, U32(1))[4]);
        }
    }

    [Fact]
    public void A_target_longer_than_a_reply_is_refused()
    {
        VirtioDriver driver = Mount();
        Assert.Equal(101, Call(driver, 100, [.. U32(4096), .. Text("9P2000.L")])[4]);
        Assert.Equal(105, Call(driver, 104, [.. U32(0), .. U32(uint.MaxValue), .. Text("root"), .. Text(""), .. U32(0)])[4]);
        foreach ((int length, int answer) in (ReadOnlySpan<(int, int)>)[(4087, 23), (4088, 7), (4095, 7)])
        {
            Assert.Equal(17, Call(driver, 16, [.. U32(0), .. Text("long"), .. Text(new string('t', length)), .. U32(0)])[4]);
            Assert.Equal(111, Call(driver, 110, Walk(0, 1, "long"))[4]);
            Assert.Equal(answer, Call(driver, 22, U32(1))[4]);
            Assert.Equal(77, Call(driver, 76, [.. U32(0), .. Text("long"), .. U32(0)])[4]);
        }
    }

    [Fact]
    public void Fids_are_opened_again_by_their_paths_in_restored_state()
    {
        _ = Directory.CreateDirectory(Path.Combine(_folder, "dir"));
        File.WriteAllText(Path.Combine(_folder, "dir", "f"), "hello");
        File.WriteAllText(Path.Combine(_folder, "gone"), "");
        VirtioDriver driver = Mount();
        VirtioShare share = _open.OfType<VirtioShare>().Single();
        Assert.Equal(111, Call(driver, 110, Walk(0, 1, "dir", "f"))[4]);
        Assert.Equal(13, Call(driver, 12, [.. U32(1), .. U32(2 | 0x200)])[4]);
        Assert.Equal(119, Call(driver, 118, [.. U32(1), .. U64(0), .. U32(5), .. "again"u8])[4]);
        Assert.Equal(111, Call(driver, 110, Walk(0, 2, "dir"))[4]);
        Assert.Equal(111, Call(driver, 110, Walk(0, 3, "gone"))[4]);
        var state = new StateWriter();
        share.Save(state);
        File.Delete(Path.Combine(_folder, "gone"));
        share.Restore(new StateReader(state.Written));
        Assert.Equal("again", Encoding.ASCII.GetString(Call(driver, 116, [.. U32(1), .. U64(0), .. U32(100)]), 11, 5));
        Assert.Equal(119, Call(driver, 118, [.. U32(1), .. U64(5), .. U32(1), (byte)'!'])[4]);
        Assert.Equal("again!", File.ReadAllText(Path.Combine(_folder, "dir", "f")));
        Assert.Equal(111, Call(driver, 110, Walk(2, 4, "f"))[4]);
        Assert.Equal(7, Call(driver, 116, [.. U32(4), .. U64(0), .. U32(100)])[4]);
        Assert.Equal(7, Call(driver, 24, [.. U32(3), .. U64(0x7ff)])[4]);
        Assert.Equal(111, Call(driver, 110, Walk(0, 5))[4]);
    }

    [Fact]
    public void Nothing_a_guest_sends_breaks_the_server()
    {
        VirtioDriver driver = Mount();
        var random = new Random(9);
        byte[] types = [8, 12, 14, 16, 18, 22, 24, 26, 30, 40, 50, 52, 54, 70, 72, 74, 76, 104, 108, 110, 116, 118, 120, 122, 200];
        for (int i = 0; i < 20_000; i++)
        {
            byte[] body = new byte[random.Next(80)];
            random.NextBytes(body);
            if (body.Length > 8)
            {
                body.AsSpan(0, 4).Clear();
                body[0] = (byte)random.Next(3);
                body[5] = 0;
            }

            Assert.InRange(Call(driver, types[random.Next(types.Length)], body).Length, 7, 8192);
        }
    }

    private static byte[] U32(uint value) => BitConverter.GetBytes(value);

    private static byte[] U64(ulong value) => BitConverter.GetBytes(value);

    private static byte[] Text(string value) => [.. BitConverter.GetBytes((ushort)Encoding.UTF8.GetByteCount(value)), .. Encoding.UTF8.GetBytes(value)];

    private static byte[] Walk(uint from, uint to, params string[] names) =>
        [.. U32(from), .. U32(to), .. BitConverter.GetBytes((ushort)names.Length), .. names.SelectMany(Text)];

    private static byte[] Call(VirtioDriver driver, byte type, byte[] body)
    {
        byte[] message = [.. U32((uint)(7 + body.Length)), type, 1, 0, .. body];
        var reply = driver.Place(new byte[8192]);
        driver.Submit(0, [driver.Place(message)], [reply]);
        int length = (int)driver.TakeUsed(0);
        Assert.True(length >= 7);
        byte[] got = driver.Get(reply.Address, length);
        Assert.Equal(length, BinaryPrimitives.ReadInt32LittleEndian(got));
        return got;
    }

    private VirtioDriver Mount(bool isReadOnly = false)
    {
        VirtioShare? share = null;
        var driver = new VirtioDriver(d => share = new VirtioShare(_folder, "tag", isReadOnly, d.Memory, d.Machine.Bus));
        _open.Add(share!);
        _open.Add(driver);
        _ = driver.Start(1, 0);
        Assert.Equal(101, Call(driver, 100, [.. U32(8192), .. Text("9P2000.L")])[4]);
        Assert.Equal(105, Call(driver, 104, [.. U32(0), .. U32(uint.MaxValue), .. Text("root"), .. Text(""), .. U32(0)])[4]);
        return driver;
    }
}
