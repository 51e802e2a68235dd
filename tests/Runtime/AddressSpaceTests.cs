using Jitvmm.Runtime.Memory;
using Jitvmm.Tests.Differential;

namespace Jitvmm.Tests.Runtime;

[Collection(GuestMemoryCollection.Name)]
public sealed class AddressSpaceTests
{
    private const ulong Page = AddressSpace.PageSize;

    [Theory]
    [InlineData(0ul, 0ul, true)]
    [InlineData(0ul, AddressSpace.Limit, true)]
    [InlineData(0ul, AddressSpace.Limit + 1, false)]
    [InlineData(AddressSpace.Limit - 1, 1ul, true)]
    [InlineData(AddressSpace.Limit - 1, 2ul, false)]
    [InlineData(AddressSpace.Limit, 0ul, false)]
    [InlineData(AddressSpace.Limit - 1, ulong.MaxValue, false)]
    [InlineData(ulong.MaxValue, 2ul, false)]
    public void Window_check_rejects_what_reaches_past_the_limit(ulong address, ulong length, bool inside) =>
        Assert.Equal(inside, AddressSpace.InWindow(address, length));

    [Fact]
    public void A_new_space_allows_nothing()
    {
        using var memory = new AddressSpace();
        Assert.Equal(PageAccess.None, memory.AccessOf(0));
        Assert.Equal(PageAccess.None, memory.AccessOf(AddressSpace.Limit - 1));
        Assert.Equal(PageAccess.None, memory.AccessOf(ulong.MaxValue));
        Assert.False(memory.Allows(0x1000, 1, PageAccess.Read));
    }

    [Fact]
    public void A_range_is_allowed_only_where_every_page_of_it_is()
    {
        using var memory = new AddressSpace();
        memory.SetAccess(0x10000, 2 * Page, PageAccess.Read | PageAccess.Write);
        memory.SetAccess(0x10000 + (2 * Page), Page, PageAccess.Read);

        Assert.True(memory.Allows(0x10000, 3 * Page, PageAccess.Read));
        Assert.True(memory.Allows(0x10000, 2 * Page, PageAccess.Write));
        Assert.False(memory.Allows(0x10000, (2 * Page) + 1, PageAccess.Write));
        Assert.False(memory.Allows(0x10000 - 1, 2, PageAccess.Read));
        Assert.False(memory.Allows(0x10000 + (3 * Page) - 1, 2, PageAccess.Read));
        Assert.True(memory.Allows(0x10000, 0, PageAccess.Write));
    }

    [Fact]
    public void Clearing_a_large_hole_forgets_the_pages_inside_and_keeps_those_beside_it()
    {
        using var memory = new AddressSpace();
        const ulong HolePages = (1 << 16) + 5;
        ulong hole = 0x7000_0000;
        memory.SetAccess(hole - Page, (HolePages + 2) * Page, PageAccess.Read);

        memory.SetAccess(hole, HolePages * Page, PageAccess.None);

        Assert.Equal(PageAccess.Read, memory.AccessOf(hole - 1));
        Assert.Equal(PageAccess.None, memory.AccessOf(hole));
        Assert.Equal(PageAccess.None, memory.AccessOf(hole + (HolePages * Page) - 1));
        Assert.Equal(PageAccess.Read, memory.AccessOf(hole + (HolePages * Page)));
    }

    [Fact]
    public void Only_pages_that_hold_translations_report_a_code_change()
    {
        using var memory = new AddressSpace();
        var changes = new List<(ulong Address, ulong Length)>();
        memory.CodeChanged = (address, length, _) => changes.Add((address, length));
        memory.SetAccess(0x20000, Page, PageAccess.Read);
        memory.SetAccess(0x21000, Page, PageAccess.Read | PageAccess.Code);

        memory.InvalidateCode(0x20000, Page);
        Assert.Empty(changes);

        memory.InvalidateCode(0x20ff8, 16);
        memory.InvalidateCode(0x21000, 0);
        memory.InvalidateCode(AddressSpace.Limit - 4, 8);
        Assert.Equal([(0x20ff8ul, 16ul)], changes);
    }
}
